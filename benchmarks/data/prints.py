"""Short prints of waveforms, which tell copies of a recording apart from other recordings.

A copy is seldom equal bit by bit: another sample format rounds, another tool scales. A print has
the inner products of the waveform, at unit energy, with fixed random signs. The difference of two
prints is then about as large as the difference of the waveforms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

LENGTH = 12  # numbers of a print
ROWS = 2**16  # samples of the table of signs
SHIFT = 7_919  # rows by which the table moves on from one piece of a waveform to the next
TOLERANCE = 0.005  # largest difference of each number in two prints of one recording


@lru_cache(maxsize=1)
def _signs() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randint(2, (ROWS, LENGTH), generator=generator)
    return drawn.mul(2).sub(1).float()


def print_of(waveform: Tensor) -> list[float]:
    """Compute the print of a waveform ``(L,)``, whatever its level and its mean.

    Returns:
        LENGTH numbers, of about unit variance over different recordings.
    """
    centred = waveform - waveform.mean()
    total = torch.zeros(LENGTH, dtype=torch.float64)
    for number, piece in enumerate(centred.split(ROWS)):
        rows = (torch.arange(len(piece)) + SHIFT * number) % ROWS
        total += piece @ _signs()[rows]
    norm = centred.double().square().sum().sqrt().clamp_min(1e-12)
    return [round(value, 5) for value in (total / norm).tolist()]


def copies(prints: Mapping[str, Sequence[float]]) -> list[tuple[str, str]]:
    """Pairs of names whose prints differ by no more than TOLERANCE.

    Prints are sorted by their first number, and each is compared with those that follow closely.
    """
    if not prints:
        return []
    names, table = list(prints), np.array(list(prints.values()))
    order = np.argsort(table[:, 0], kind="stable")
    table = table[order]
    pairs = []
    for gap in range(1, len(names)):
        close = np.flatnonzero(table[gap:, 0] - table[:-gap, 0] <= TOLERANCE)
        if not len(close):
            break
        alike = (np.abs(table[close + gap] - table[close]) <= TOLERANCE).all(axis=1)
        pairs += [(names[order[i]], names[order[i + gap]]) for i in close[alike]]
    return pairs
