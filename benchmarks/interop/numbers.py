"""Lists of numbers, in any form in which a file may hold them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor


def numbers_in(value: Any) -> list[float] | None:
    """Numbers of a list, a tuple, a tensor or an array; None: the value is none of these.

    Entries of a list may be tensors or arrays of one element. Tensors and arrays have one axis.
    Whole numbers count; truth values and complex numbers do not.
    """
    if isinstance(value, (list, tuple)):
        entries = [_number(entry) for entry in value]
        known = [entry for entry in entries if entry is not None]
        return known if len(known) == len(entries) else None
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
        value = torch.from_numpy(value.astype(np.float64))
    if isinstance(value, Tensor) and value.ndim == 1 and _is_real(value):
        return value.detach().double().tolist()
    return None


def _number(entry: Any) -> float | None:
    if isinstance(entry, Tensor):
        return float(entry) if entry.numel() == 1 and _is_real(entry) else None
    if isinstance(entry, (np.ndarray, np.generic)):
        return float(entry.item()) if entry.size == 1 and entry.dtype.kind in "fiu" else None
    if type(entry) not in (int, float):
        return None
    try:
        return float(entry)
    except OverflowError:  # a whole number beyond float64
        return math.inf


def _is_real(value: Tensor) -> bool:
    return not value.is_complex() and value.dtype != torch.bool
