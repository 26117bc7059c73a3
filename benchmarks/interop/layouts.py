"""All layouts of checkpoints. A new one is a file beside this one and a line here."""

from __future__ import annotations

from benchmarks.core.errors import UserError
from benchmarks.core.experiment import LinearSchedule
from benchmarks.interop import diffusers_unet, lmnt, own, released
from benchmarks.interop.base import Content, Imported, Layout
from benchmarks.interop.schedules import process_of

LAYOUTS: tuple[Layout, ...] = (
    *released.LAYOUTS,
    lmnt.LAYOUT,
    diffusers_unet.LAYOUT,
    own.LAYOUT,
)
SHOWN = 3  # names of tensors in the message about an unknown file


def convert(content: Content) -> tuple[Imported, ...]:
    """Convert all networks in a file.

    Raises:
        UserError: the layout is unknown, a tensor does not fit, a weight is not finite, or the
            training schedule is impossible.
    """
    found = tuple(one.convert(content) for one in LAYOUTS if one.recognises(content))
    if not found:
        first = ", ".join(repr(name) for name in sorted(content.tensors)[:SHOWN])
        known = ", ".join(layout.title for layout in LAYOUTS)
        raise UserError(
            f"{content.path} has none of the known layouts ({known}); its first tensors are {first}"
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


def _refuse_no_schedule(content: Content, training: LinearSchedule) -> None:
    try:
        process_of(training)
    except ValueError as error:
        raise UserError(f"{content.path}: {error}") from error
