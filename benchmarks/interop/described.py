"""Words for the content of a file, in messages that say what was found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

SHOWN = 3  # parts of a container in a message
LONGEST = 40  # characters of a plain value in a message


def described(value: Any, depth: int = 2) -> str:
    """Describe a value: its type, its size, and its first parts.

    Args:
        value: anything that a checkpoint holds.
        depth: levels of containers that are described.
    """
    if isinstance(value, (Tensor, np.ndarray)):
        kind = "tensor" if isinstance(value, Tensor) else "array"
        return f"{kind} {tuple(value.shape)} of {str(value.dtype).removeprefix('torch.')}"
    if isinstance(value, Mapping):
        items: list[str] = [_item(key, one, depth) for key, one in [*value.items()][:SHOWN]]
        return _container("dictionary", len(value), items, depth)
    if isinstance(value, (list, tuple)):
        items = [described(one, depth - 1) for one in value[:SHOWN]]
        return _container(type(value).__name__, len(value), items, depth)
    if value is None or isinstance(value, (bool, int, float, str)):
        text = repr(value)
        return text if len(text) <= LONGEST else f"{text[:LONGEST]}.."
    return type(value).__name__


def _item(key: Any, value: Any, depth: int) -> str:
    return f"{key!r}: {described(value, depth - 1)}"


def _container(kind: str, count: int, items: list[str], depth: int) -> str:
    if not count:
        return f"empty {kind}"
    shown = f" ({', '.join(items)}{', ..' if count > len(items) else ''})" if depth > 0 else ""
    return f"{kind} of {count}{shown}"
