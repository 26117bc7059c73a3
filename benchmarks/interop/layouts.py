"""All layouts of checkpoints. A new one is a file beside this one and a line here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from benchmarks.core.errors import UserError
from benchmarks.core.experiment import LinearSchedule
from benchmarks.interop import diffusers_unet, lmnt, own, released
from benchmarks.interop.base import Content, Imported, Layout
from benchmarks.interop.described import described
from benchmarks.interop.schedules import process_of

LAYOUTS: tuple[Layout, ...] = (
    *released.LAYOUTS,
    lmnt.LAYOUT,
    diffusers_unet.LAYOUT,
    own.LAYOUT,
)
COMPARED = 20  # mappings of a file that are compared with the layouts, in a message
ALIKE = 0.5  # share of the names from which a layout is told as the nearest


def convert(content: Content) -> tuple[Imported, ...]:
    """Convert all networks in a file.

    Raises:
        UserError: the layout is unknown, a tensor does not fit, a weight is not finite or is
            quantised, or the training schedule is impossible.
    """
    chosen = next((one for one in (content, *content.others) if _layouts_of(one)), None)
    if chosen is None:
        raise UserError(_unknown(content))
    _refuse_integers(chosen)
    found = tuple(
        replace(imported, notes=(*chosen.notes, *imported.notes))
        for imported in (layout.convert(chosen) for layout in _layouts_of(chosen))
    )
    for imported in found:
        for name, value in imported.state.items():
            if not bool(value.isfinite().all()):
                raise UserError(
                    f"{content.path}: weights are not all finite; the first such tensor is {name!r}"
                )
        if imported.training is not None:
            _refuse_no_schedule(content, imported.training)
    return found


def _refuse_integers(content: Content) -> None:
    """Refuse weights of a quantised network, whose scales no layout here has."""
    for name, value in content.tensors.items():
        is_weight = name.rpartition(".")[2].startswith(("weight", "bias"))
        if is_weight and not value.dtype.is_floating_point:
            raise UserError(
                f"{content.path}: {name!r} holds {str(value.dtype).removeprefix('torch.')} values, "
                "not floating-point weights; import the network as it was before quantisation"
            )


def chosen_of(content: Content) -> Content:
    """The mapping of names to tensors that :func:`convert` takes."""
    return next(one for one in (content, *content.others) if _layouts_of(one))


def _layouts_of(content: Content) -> list[Layout]:
    return [layout for layout in LAYOUTS if layout.recognises(content)]


def _unknown(content: Content) -> str:
    """Describe a file of no known layout, and the layout that is nearest to it."""
    known = ", ".join(layout.title for layout in LAYOUTS)
    where = f" under {content.where!r}" if content.where else ""
    name = content.config.get("_class_name")
    kind = f" of the class {name}" if name else ""
    return (
        f"{content.path} has none of the known layouts ({known}): found {len(content.tensors)} "
        f"tensors{kind}{where}, {described(dict(content.tensors))}; {_nearest(content)}"
    )


def _nearest(content: Content) -> str:
    best, title, told = 0.0, "", ""
    for layout in LAYOUTS:
        names = layout.names()
        patterns = {_pattern(name) for name in names}
        for one in (content, *content.others[:COMPARED]):
            strange = [name for name in one.tensors if _pattern(name) not in patterns]
            share = 1 - len(strange) / len(one.tensors)
            if share > best:
                best, title = share, layout.title
                told = _difference(strange, names, one.tensors)
    if best < ALIKE:
        return "no layout has names like these"
    return f"the nearest is {title}, with {best:.0%} of the names: {told}"


def _difference(strange: list[str], names: frozenset[str], tensors: Iterable[str]) -> str:
    if strange:
        return f"the first name that it has not is {strange[0]!r}"
    found = {_pattern(name) for name in tensors}
    missing = min((name for name in names if _pattern(name) not in found), default="")
    return f"the file lacks {missing!r}" if missing else "the network is of another kind"


def _pattern(name: str) -> str:
    """The name with its numbers left out."""
    return re.sub(r"\d+", "#", name)


def _refuse_no_schedule(content: Content, training: LinearSchedule) -> None:
    try:
        process_of(training)
    except ValueError as error:
        raise UserError(f"{content.path}: {error}") from error
