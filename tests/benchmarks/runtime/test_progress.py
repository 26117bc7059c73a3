"""Progress: a steady estimate of the time left, on a terminal and in plain lines."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

import pytest
from rich.console import Console

from benchmarks.runtime.progress import PLAIN_INTERVAL, Pace, Progress


@dataclass
class FakeClock:
    """Seconds that pass only where a test says so."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Shown:
    """A display with its clock and its output."""

    clock: FakeClock
    output: io.StringIO
    progress: Progress

    @property
    def lines(self) -> list[str]:
        return self.output.getvalue().splitlines()


def shown(terminal: bool = False) -> Shown:
    clock, output = FakeClock(), io.StringIO()
    console = Console(file=output, force_terminal=terminal, width=120)
    return Shown(clock, output, Progress(console, clock))


def left_in(line: str) -> int:
    found = re.search(r", (\d+) s left", line)
    assert found is not None, line
    return int(found[1])


def test_the_start_does_not_count() -> None:
    """300 s of imports before the first unit change no estimate of units of 2 s."""
    clock = FakeClock()
    pace = Pace(100, 0, clock)
    assert pace.left is None
    clock.now += 300
    pace.advance(1)
    assert pace.left is None  # the first unit bears the start
    for done in range(2, 101):
        clock.now += 2
        pace.advance(1)
        assert pace.left == pytest.approx((100 - done) * 2.0)


def test_finished_work_does_not_count() -> None:
    """Work of earlier runs comes before the task or amid it, and takes no time."""
    clock = FakeClock()
    pace = Pace(1000, 600, clock)
    pace.advance(1)
    clock.now += 5
    pace.advance(1)
    assert pace.left == pytest.approx((1000 - 602) * 5.0)
    pace.skip(300)
    assert pace.left == pytest.approx((1000 - 902) * 5.0)


def test_the_estimate_counts_down_between_units() -> None:
    clock = FakeClock()
    pace = Pace(4, 0, clock)
    for _ in range(2):
        clock.now += 60
        pace.advance(1)
    assert pace.left == pytest.approx(120.0)
    clock.now += 50
    assert pace.left == pytest.approx(70.0)
    clock.now += 500  # a slow unit: nothing is left, and never less
    assert pace.left == 0.0


def test_a_task_without_a_total_has_no_estimate() -> None:
    pace = Pace(None, 0, FakeClock())
    pace.advance(1)
    pace.advance(1)
    assert pace.left is None


def test_plain_lines_are_steady() -> None:
    made = shown()
    with made.progress.task("sample (NFE)", 1000, done=100) as advance:
        made.clock.now += 45  # the network is loaded
        advance(1)
        for _ in range(60):
            made.clock.now += 4
            advance(10)
    first, *others = made.lines
    assert first == "sample (NFE): 101/1000 (45 s)"
    assert len(others) == 60 * 4 // PLAIN_INTERVAL
    for line in others:
        done = int(re.findall(r": (\d+)/1000", line)[0])
        assert left_in(line) == pytest.approx((1000 - done) * 0.4, abs=0.51)


def test_a_quick_task_says_nothing_and_the_end_has_no_time_left() -> None:
    made = shown()
    with made.progress.task("quick", 2) as advance:
        made.clock.now += 1
        advance(2)
    assert made.lines == []
    with made.progress.task("slow", 2) as advance:
        made.clock.now += 3
        advance(1)
        advance(0)
        made.clock.now += 3
        advance(1)
    assert made.lines == ["slow: 2/2 (6 s)"]


def test_units_of_earlier_runs_are_told_by_the_first_call() -> None:
    made = shown()
    with made.progress.task("sample (NFE)", 1000) as advance:
        for _ in range(2):  # two rows, half of each finished before
            resumed = advance.after_skipping()
            resumed(250)
            for _ in range(25):
                made.clock.now += 10
                resumed(10)
    assert made.lines[-1] == "sample (NFE): 1000/1000 (500 s)"
    for line in made.lines[1:-1]:
        done = int(re.findall(r": (\d+)/1000", line)[0])
        rest = 1000 - done - (250 if done <= 500 else 0)  # the second row's finished half
        assert abs(left_in(line) - rest) <= 250


def test_a_bar_shows_the_same_estimate() -> None:
    made = shown(terminal=True)
    with made.progress.task("train", 100, done=10) as advance:
        made.clock.now += 300
        advance(1)
        made.clock.now += 2
        advance(1)
        made.progress.say("a line that stays")
    text = made.output.getvalue()
    assert "a line that stays" in text
    assert "train" in text
    assert "12/100" in text
    assert "0:02:56" in text  # 88 units of 2 s


def test_an_inner_task_leaves_the_outer_one() -> None:
    made = shown(terminal=True)
    with made.progress.task("outer", 2) as outer, made.progress.task("inner", 1) as inner:
        inner(1)
        outer(1)
    assert "outer" in made.output.getvalue()
    assert "-:--:--" in made.output.getvalue()
