"""Sizes of networks, read off tensor shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.core.errors import UserError
from benchmarks.interop.base import Content

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
