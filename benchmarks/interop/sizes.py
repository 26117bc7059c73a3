"""Sizes of networks, read off tensor shapes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from benchmarks.core.errors import UserError
from benchmarks.interop.base import Content
from benchmarks.interop.described import described

NAMED = 8  # unread fields that a note names
NameOf = Callable[[str], str]
"""Our name of a tensor, or of a part of the network, to the name in the file."""


def diffwave_size(content: Content, name_of: NameOf) -> dict[str, Any]:
    """Fields of a DiffWaveConfig without the dilation cycle, on which no shape depends.

    Raises:
        UserError: a tensor is missing or has too few axes.
    """
    first = f"{name_of('blocks')}.0"
    upsampling = _parts(content, f"{first}.{name_of('upsample')}")

    def normed(layer: str, axis: int) -> int:
        return dimension_of(content, name_of(f"{layer}.parametrizations.weight.original1"), axis)

    return {
        "layers": _parts(content, name_of("blocks")),
        "channels": normed("enter", 0),
        "mels": normed("blocks.0.mel", 1),
        "upsampling": [normed(f"blocks.0.upsample.{i}", 3) // 2 for i in range(upsampling)],
        "embedding": [
            dimension_of(content, name_of("widen_step.weight"), 1),
            dimension_of(content, name_of("widen_step.weight"), 0),
            dimension_of(content, name_of("mix_step.weight"), 0),
        ],
    }


def galr_size(content: Content, name_of: NameOf) -> dict[str, Any]:
    """Fields of a GALRConfig without the heads, on which no shape depends.

    Raises:
        UserError: a tensor is missing or has too few axes.
    """

    def dimension(name: str, axis: int) -> int:
        return dimension_of(content, name_of(name), axis)

    return {
        "blocks": _parts(content, name_of("blocks")),
        "width": dimension("encoder.weight", 0),
        "hidden": dimension("blocks.0.local.project.weight", 1) // 2,
        "window": dimension("encoder.weight", 2),
        "segment": dimension("blocks.0.across.squeeze.weight", 1),
        "mixtures": dimension("blocks.0.across.squeeze.weight", 0),
    }


def flat_config(content: Content) -> dict[str, Any]:
    """Fields of the configuration, also those one level down.

    Raises:
        UserError: a name stands at two places with different values.
    """
    flat = {name: v for name, v in content.config.items() if not isinstance(v, Mapping)}
    for place, fields in content.config.items():
        for name, value in fields.items() if isinstance(fields, Mapping) else ():
            if name in flat and repr(flat[name]) != repr(value):
                raise UserError(
                    f"{content.path} contradicts itself: {name} is {described(flat[name])}, and "
                    f"{described(value)} in {place!r}"
                )
            flat[name] = value
    return flat


def refuse_other_fields(
    content: Content, config: Mapping[str, Any], fixed: Mapping[str, Any]
) -> None:
    """Refuse fields of a configuration that differ from what the network is.

    Args:
        content: the file.
        config: fields of the file.
        fixed: fields that the tensors, or the layout, decide.

    Raises:
        UserError: a field has another value.
    """
    for name, value in fixed.items():
        if name in config and config[name] != value:
            raise UserError(
                f"{content.path}: {name} is {described(config[name])}, and only {value!r} fits the "
                "tensors and the layout of this network; correct the field, if the file is right "
                "otherwise"
            )


def unread_fields(config: Mapping[str, Any], read: Collection[str]) -> Iterator[str]:
    """A note on fields of the configuration that change nothing here."""
    left = [name for name in config if name not in read]
    if left:
        more = f" and {len(left) - NAMED} more" if len(left) > NAMED else ""
        yield f"fields of the file that were not used: {', '.join(left[:NAMED])}{more}"


def cycle_of(content: Content, key: str, default: int) -> int:
    """Number of layers after which dilations start again.

    Raises:
        UserError: the configuration has no number from 1 on.
    """
    cycle = content.config.get(key, default)
    if not isinstance(cycle, int) or cycle < 1:
        raise UserError(f"{content.path}: {key} must be a number from 1 on, not {cycle!r}")
    return cycle


def dimension_of(content: Content, name: str, axis: int) -> int:
    """The size of a tensor along an axis.

    Raises:
        UserError: the tensor is missing, or has too few axes.
    """
    found = content.tensors.get(name)
    if found is None:
        raise UserError(f"{content.path} lacks the tensor {name!r}")
    if found.ndim <= axis:
        raise UserError(
            f"{content.path}: {name!r} has the shape {tuple(found.shape)}, which is too few axes"
        )
    return found.shape[axis]


def _parts(content: Content, prefix: str) -> int:
    """Number of the numbered parts below a name."""
    start = f"{prefix}."
    below = {n.removeprefix(start).split(".")[0] for n in content.tensors if n.startswith(start)}
    return len(below)
