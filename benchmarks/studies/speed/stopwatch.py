"""The share of a call's time that inner calls take."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch


class Stopwatch:
    """Sum of the time of wrapped calls, up to the end of their work on the device.

    Args:
        device: device that is synchronised before and after each call.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.seconds = 0.0

    def wrapped(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a call so that its time is added."""

        def timed(*arguments: Any, **options: Any) -> Any:
            began = self.now()
            result = call(*arguments, **options)
            self.seconds += self.now() - began
            return result

        return timed

    def share_of(self, call: Callable[[], object]) -> float:
        """Run a call, and return the share of its time in wrapped calls."""
        self.seconds = 0.0
        began = self.now()
        call()
        return self.seconds / (self.now() - began)

    def now(self) -> float:
        """Wait for the device, and return a clock's seconds."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()
