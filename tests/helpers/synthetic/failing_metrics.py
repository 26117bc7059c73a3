"""Metrics that crash or hang for some clips; worker processes import them from here."""

from __future__ import annotations

import ctypes
import math
import os
import signal
import time

import numpy as np
from numpy.typing import ArrayLike

from metrics.items import ItemMetric


class First(ItemMetric):
    """The first sample of the scored clip, which a fault of another metric must not cost."""

    name, title, digits = "first", "First", 1
    lowest, highest, higher_is_better = -math.inf, math.inf, True

    @staticmethod
    def score(preds: ArrayLike, target: ArrayLike, sample_rate: int) -> float:
        """Give the first sample."""
        return float(np.asarray(preds)[0])


class Fatal(First):
    """A metric whose process meets an end that the first sample chooses; 0 or more: none."""

    name, title = "fatal", "Fatal"

    @staticmethod
    def score(preds: ArrayLike, target: ArrayLike, sample_rate: int) -> float:
        """Read address 0 at -1, abort at -2, leave with status 7 at -3, be killed at -4."""
        first = float(np.asarray(preds)[0])
        if first == -1:
            ctypes.string_at(0)
        if first == -2:
            os.abort()
        if first == -3:
            os._exit(7)
        if first == -4:
            os.kill(os.getpid(), signal.SIGKILL)
        return first


class Once(First):
    """A metric that crashes at its first call alone."""

    name, title = "once", "Once"

    @staticmethod
    def score(preds: ArrayLike, target: ArrayLike, sample_rate: int) -> float:
        """Crash unless the environment's ``ONCE_FILE`` exists, which is then made."""
        try:
            os.close(os.open(os.environ["ONCE_FILE"], os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return 1.0
        os._exit(9)


class Slow(First):
    """A metric that never ends where the first sample is -5."""

    name, title = "slow", "Slow"

    @staticmethod
    def score(preds: ArrayLike, target: ArrayLike, sample_rate: int) -> float:
        """Sleep for an hour at -5."""
        first = float(np.asarray(preds)[0])
        if first == -5:
            time.sleep(3_600)
        return first


class Mistaken(First):
    """A metric that finds a mistake of its caller."""

    name, title = "mistaken", "Mistaken"

    @staticmethod
    def score(preds: ArrayLike, target: ArrayLike, sample_rate: int) -> float:
        """Refuse the sample rate."""
        raise ValueError(f"defined at 8000 Hz, not at {sample_rate}")
