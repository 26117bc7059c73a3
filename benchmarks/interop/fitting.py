"""Filling a network of ours with the tensors of a file."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.core.errors import UserError
from benchmarks.interop.base import Content


def state_from(
    content: Content, build: Callable[[], nn.Module], name_of: Callable[[str], str]
) -> dict[str, Tensor]:
    """State dict of a network whose tensors are the file's tensors under other names.

    Args:
        content: the file.
        build: makes the network; only its names and shapes are used.
        name_of: our name of a tensor to the file's name.

    Returns:
        Our name to tensor, float32.

    Raises:
        UserError: a tensor is missing, has another shape, or is not part of the network.
    """
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in build().state_dict().items()}
    theirs = {name: name_of(name) for name in shapes}
    for name, shape in shapes.items():
        found = content.tensors.get(theirs[name])
        if found is None:
            raise UserError(f"{content.path} lacks the tensor {theirs[name]!r}")
        if found.shape != shape:
            raise UserError(
                f"{content.path}: {theirs[name]!r} has the shape {tuple(found.shape)} instead of "
                f"{tuple(shape)}"
            )
    if spare := sorted(set(content.tensors) - set(theirs.values())):
        raise UserError(f"{content.path}: {spare[0]!r} is not a tensor of a network of this size")
    return {name: content.tensors[theirs[name]].float() for name in shapes}
