"""The time that some of the calls inside another one take."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch


class Stopwatch:
    """Adds up the time of wrapped calls, up to their end on the device.

    Args:
        device: waited for before and after each call.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.seconds = 0.0

    def wrapped(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same call, timed."""

        def timed(*arguments: Any, **options: Any) -> Any:
            began = self.now()
            result = call(*arguments, **options)
            self.seconds += self.now() - began
            return result

        return timed

    def share_of(self, call: Callable[[], object]) -> float:
        """Run a call; the share of its time that wrapped calls took."""
        self.seconds = 0.0
        began = self.now()
        call()
        return self.seconds / (self.now() - began)

    def now(self) -> float:
        """Seconds of a clock, once the device has done its work."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()
