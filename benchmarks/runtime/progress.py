"""Progress reports: a bar with time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress

from benchmarks.core.names import printable

Advance = Callable[[float], None]
PLAIN_INTERVAL = 20.0  # seconds between two plain lines of one task


class Progress:
    """Reporter of tasks on standard error; standard output holds results alone."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._live: RichProgress | None = None

    def say(self, message: str) -> None:
        """Print one line that stays."""
        self._console.print(printable(message), highlight=False, markup=False, soft_wrap=True)

    @contextmanager
    def task(self, label: str, total: float | None, done: float = 0) -> Iterator[Advance]:
        """Report a task of ``total`` units (None: unknown), ``done`` of which are finished.

        Yields:
            A function that takes the units finished since the last call.
        """
        if self._console.is_terminal:
            with self._bar(label, total, done) as advance:
                yield advance
        else:
            yield _PlainTask(self, label, total, done).advance

    @contextmanager
    def _bar(self, label: str, total: float | None, done: float) -> Iterator[Advance]:
        outermost = self._live is None
        if self._live is None:
            self._live = RichProgress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=self._console,
            )
            self._live.start()
        live = self._live
        task = live.add_task(label, total=total, completed=int(done))
        try:
            yield lambda units: live.advance(task, units)
        finally:
            live.stop_task(task)
            if not outermost:
                live.remove_task(task)
            else:
                live.stop()
                self._live = None


class _PlainTask:
    """Plain reports of a task: units done, seconds spent, seconds left."""

    def __init__(self, progress: Progress, label: str, total: float | None, done: float) -> None:
        self._progress, self._label, self._total = progress, label, total
        self._done = self._first = done
        self._start = self._last = time.monotonic()

    def advance(self, units: float) -> None:
        if units == 0:
            return
        self._done += units
        now = time.monotonic()
        finished = self._total is not None and self._done >= self._total
        long = now - self._start > 2.0
        if now - self._last < PLAIN_INTERVAL and not (finished and long):
            return
        self._last = now
        if self._total is None:
            self._progress.say(f"{self._label}: {self._done:.0f} ({now - self._start:.0f} s)")
            return
        rate = (self._done - self._first) / max(now - self._start, 1e-9)
        left = (self._total - self._done) / rate if rate > 0 else float("nan")
        self._progress.say(
            f"{self._label}: {self._done:.0f}/{self._total:.0f} "
            f"({now - self._start:.0f} s, {left:.0f} s left)"
        )
