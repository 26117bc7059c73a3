"""Progress reports: a bar with time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as RichProgress
from rich.text import Text

from benchmarks.core.names import printable

Advance = Callable[[float], None]
Clock = Callable[[], float]
PLAIN_INTERVAL = 20.0  # seconds between two plain lines of one task
QUICK = 2.0  # seconds of a task whose end is not told


class Pace:
    """The rate of a task, and its time left.

    The first units are left out of the rate, since they bear the start: imports, loading, warm-up.
    Finished work of earlier runs is left out, too.

    Args:
        total: units of the whole task; None: unknown.
        done: units that were finished before.
        clock: gives seconds.
    """

    def __init__(self, total: float | None, done: float, clock: Clock) -> None:
        self.total, self.done = total, done
        self._clock = clock
        self._warm: float | None = None  # when the first units were finished
        self._last = 0.0  # when the last units were finished
        self._counted = 0.0  # units since then

    def advance(self, units: float) -> None:
        """Count units that were finished just now."""
        self.done += units
        self._last = self._clock()
        if self._warm is None:
            self._warm = self._last
        else:
            self._counted += units

    def skip(self, units: float) -> None:
        """Count units that an earlier run had finished."""
        self.done += units

    @property
    def left(self) -> float | None:
        """Seconds left; None: unknown, before the second units or without a total."""
        if self.total is None or self._warm is None or self._counted <= 0:
            return None
        a_unit = (self._last - self._warm) / self._counted
        waited = self._clock() - self._last
        return max((self.total - self.done) * a_unit - waited, 0.0)


class Progress:
    """Reporter of tasks on standard error; standard output holds results alone."""

    def __init__(self, console: Console | None = None, clock: Clock = time.monotonic) -> None:
        self._console = console or Console(stderr=True)
        self._clock = clock
        self._live: RichProgress | None = None

    def say(self, message: str) -> None:
        """Print one line that stays."""
        self._console.print(printable(message), highlight=False, markup=False, soft_wrap=True)

    @contextmanager
    def task(self, label: str, total: float | None, done: float = 0) -> Iterator[Units]:
        """Report a task of ``total`` units (None: unknown), ``done`` of which are finished.

        Yields:
            A function that takes the units finished since the last call.
        """
        pace = Pace(total, done, self._clock)
        if self._console.is_terminal:
            with self._bar(label, pace) as shown:
                yield Units(pace, shown)
        else:
            yield Units(pace, _PlainTask(self, label, pace, self._clock).show)

    @contextmanager
    def _bar(self, label: str, pace: Pace) -> Iterator[Callable[[], None]]:
        outermost = self._live is None
        if self._live is None:
            self._live = RichProgress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                _TimeLeft(),
                console=self._console,
            )
            self._live.start()
        live = self._live
        task = live.add_task(label, total=pace.total, completed=int(pace.done), pace=pace)
        try:
            yield lambda: live.update(task, completed=pace.done)
        finally:
            live.stop_task(task)
            if not outermost:
                live.remove_task(task)
            else:
                live.stop()
                self._live = None


class Units:
    """Takes the finished units of a task, and shows them.

    Args:
        pace: the rate of the task.
        show: updates the display.
    """

    def __init__(self, pace: Pace, show: Callable[[], None]) -> None:
        self._pace, self._show = pace, show

    def __call__(self, units: float) -> None:
        """Count units that were finished just now."""
        if units:
            self._pace.advance(units)
            self._show()

    def skip(self, units: float) -> None:
        """Count units that an earlier run had finished."""
        if units:
            self._pace.skip(units)
            self._show()

    def after_skipping(self) -> Advance:
        """Make a function whose first call tells the units that an earlier run had finished."""
        calls = 0

        def advance(units: float) -> None:
            nonlocal calls
            calls += 1
            (self.skip if calls == 1 else self)(units)

        return advance


class _TimeLeft(ProgressColumn):
    """The time left by the task's own pace; dashes before it is known."""

    def render(self, task: Task) -> Text:
        """The column's text."""
        left = task.fields["pace"].left
        shown = "-:--:--" if left is None else str(timedelta(seconds=round(left)))
        return Text(shown, style="progress.remaining")


class _PlainTask:
    """Plain reports of a task: units done, seconds spent, seconds left."""

    def __init__(self, progress: Progress, label: str, pace: Pace, clock: Clock) -> None:
        self._progress, self._label, self._pace, self._clock = progress, label, pace, clock
        self._start = self._last = clock()

    def show(self) -> None:
        """Print a line, if the last one is long enough ago, or the task has ended."""
        now, pace = self._clock(), self._pace
        spent = now - self._start
        finished = pace.total is not None and pace.done >= pace.total
        if now - self._last < PLAIN_INTERVAL and not (finished and spent > QUICK):
            return
        self._last = now
        done = f"{pace.done:.0f}" if pace.total is None else f"{pace.done:.0f}/{pace.total:.0f}"
        left = "" if finished or pace.left is None else f", {pace.left:.0f} s left"
        self._progress.say(f"{self._label}: {done} ({spent:.0f} s{left})")


def in_words(seconds: float) -> str:
    """A duration in seconds, minutes or hours."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"
