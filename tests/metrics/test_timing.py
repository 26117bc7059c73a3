"""Clocks, interleaving and the machine's state, with fake clocks and fake devices."""

import itertools
import math
from collections import Counter
from pathlib import Path

import pytest
import torch

from metrics import timing
from metrics.times import Timing, ratio_of_medians
from metrics.timing import (
    CpuClock,
    CpuUse,
    CudaClock,
    clock_for,
    machine_is_busy,
    measure_interleaved,
    peak_memory,
    read_cpu_use,
)


class FakeTime:
    """A time that passes only by explicit advances."""

    def __init__(self) -> None:
        self.t = 0.0

    def now(self) -> float:
        return self.t

    def wait(self, seconds: float) -> None:
        self.t += seconds


class FakeEvent:
    """An event on a fake device that records its calls in ``log``."""

    def __init__(self, time: FakeTime, log: list[str]) -> None:
        self.time, self.log = time, log
        log.append("new")

    def record(self) -> None:
        self.at = self.time.t
        self.log.append("record")

    def synchronize(self) -> None:
        self.log.append("synchronize")

    def elapsed_time(self, end_event: "FakeEvent", /) -> float:
        return 1_000 * (end_event.at - self.at)


def measure(seed: int = 0, **changes):
    """Time two contestants, of 1 s and 2 s, on a fake clock; return timings and calls."""
    time, made = FakeTime(), []

    def contestant(name: str, seconds: float):
        def call(index: int) -> None:
            made.append((index, name))
            time.wait(seconds)

        return call

    calls = {"a": contestant("a", 1.0), "b": contestant("b", 2.0)}
    arguments = {"rounds": 8, "warmup": 2, "seed": seed, "clock": CpuClock(time.now)} | changes
    return measure_interleaved(calls, **arguments), made


# Clocks


def test_cpu_clock_measures_the_call_alone() -> None:
    time = FakeTime()
    time.wait(5.0)
    assert CpuClock(time.now).seconds(lambda: time.wait(0.25)) == 0.25


def test_cuda_clock_synchronises_once_a_repeat_after_the_call() -> None:
    time, log = FakeTime(), []
    clock = CudaClock(lambda: FakeEvent(time, log))

    def call() -> None:
        log.append("call")
        time.wait(0.5)

    assert clock.seconds(call) == 0.5
    assert log == ["new", "new", "record", "call", "record", "synchronize"]


def test_cuda_clock_synchronises_once_a_round() -> None:
    time, log = FakeTime(), []
    measure(clock=CudaClock(lambda: FakeEvent(time, log)))
    assert Counter(log)["synchronize"] == 2 * (8 + 2)


def test_clock_for_a_device() -> None:
    assert isinstance(clock_for("cpu"), CpuClock)
    assert isinstance(clock_for(torch.device("cuda", 1)), CudaClock)
    with pytest.raises(ValueError, match="no clock for the device meta"):
        clock_for("meta")


def test_device_event_records_on_its_own_device(monkeypatch: pytest.MonkeyPatch) -> None:
    time, log = FakeTime(), []

    class StreamEvent(FakeEvent):
        def __init__(self, enable_timing: bool) -> None:
            assert enable_timing
            super().__init__(time, log)

        def record(self, stream: str) -> None:
            super().record()
            log.append(stream)

    monkeypatch.setattr(torch.cuda, "Event", StreamEvent)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: f"stream of {device}")
    assert clock_for("cuda:1").seconds(lambda: time.wait(2.0)) == 2.0
    assert log.count("stream of cuda:1") == 2


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_clock_waits_for_the_device() -> None:
    matrix = torch.randn(4096, 4096, device="cuda")
    clock = clock_for("cuda")
    clock.seconds(lambda: matrix @ matrix)
    few, many = (clock.seconds(lambda n=n: [matrix @ matrix for _ in range(n)]) for n in (10, 100))
    assert 5 < many / few < 20
    with peak_memory("cuda") as peak:
        torch.empty(2**20, device="cuda")
    assert peak.allocated is not None
    assert peak.allocated >= 2**22


# Interleaving


def test_times_and_counts() -> None:
    timings, made = measure()
    rounds = tuple(range(8))
    assert timings == {"a": Timing((1.0,) * 8, rounds), "b": Timing((2.0,) * 8, rounds)}
    # All contestants warm up, and each gets every round number once, round by round.
    assert sorted(made) == [(i, name) for i in range(10) for name in "ab"]
    assert [index for index, _ in made] == [i for i in range(10) for _ in "ab"]


def test_order_is_shuffled_by_the_seed_alone() -> None:
    orders = {seed: measure(seed)[1] for seed in range(3)}
    assert orders[0] == measure(0)[1]
    assert orders[0] != orders[1] != orders[2]
    firsts = Counter(name for _, name in orders[0][::2])
    assert set(firsts) == {"a", "b"}


@pytest.mark.parametrize("fewer", [1, 2, 3, 5, 7, 8])
def test_fewer_rounds_are_spread_evenly(fewer: int) -> None:
    timings, made = measure(rounds={"a": 8, "b": fewer}, warmup=1)
    assert (len(timings["a"].seconds), len(timings["b"].seconds)) == (8, fewer)
    taken = [index for index, name in made if name == "b"]
    assert taken[:2] == [0, 1]  # the warm-up, and the first timed round
    assert timings["b"].rounds == tuple(index - 1 for index in taken[1:])
    gaps = [after - before for before, after in itertools.pairwise(taken[1:])]
    assert max(gaps, default=1) - min(gaps, default=1) <= 1


def test_observer_sees_the_timed_calls() -> None:
    seen: list[tuple[str, int, float]] = []
    measure(rounds=3, warmup=2, observe=lambda *call: seen.append(call))
    assert sorted(seen) == [(n, i, s) for n, s in (("a", 1.0), ("b", 2.0)) for i in (2, 3, 4)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rounds": 0}, "at least one timed round"),
        ({"rounds": {"a": 3}}, "at least one timed round"),
        ({"warmup": -1}, "negative"),
    ],
)
def test_mistakes_of_the_caller(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        measure(**changes)
    with pytest.raises(ValueError, match="at least one"):
        measure_interleaved({}, 1, 0, 0, CpuClock())


# Timing


def test_quartiles_and_spread() -> None:
    times = Timing((1.0, 2.0, 3.0, 4.0, 100.0))
    assert times.median == 3.0
    assert times.quartiles == (2.0, 4.0)
    assert times.spread == pytest.approx(2 / 3)
    assert not times.is_stable


@pytest.mark.parametrize(("half_range", "stable"), [(0.049, True), (0.051, False)])
def test_stable_up_to_a_tenth(half_range: float, stable: bool) -> None:
    times = Timing((1 - half_range, 1 - half_range, 1.0, 1 + half_range, 1 + half_range))
    assert times.is_stable is stable


@pytest.mark.parametrize("seconds", [(3.0,), (0.0, 0.0)])
def test_what_says_nothing_about_stability(seconds: tuple[float, ...]) -> None:
    times = Timing(seconds)
    assert math.isnan(times.spread)
    assert not times.is_stable
    assert times.quartiles == (seconds[0], seconds[0])


@pytest.mark.parametrize("seconds", [(), (1.0, -1.0), (math.nan,), (math.inf,)])
def test_impossible_times(seconds: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="needs times"):
        Timing(seconds)


def test_ratio_of_medians() -> None:
    a, b = Timing((6.0, 6.3, 5.7, 6.1)), Timing((2.0, 2.1, 1.9))
    ratio = ratio_of_medians(a, b, seed=0)
    assert ratio.value == a.median / b.median
    assert 5.7 / 2.1 <= ratio.low < ratio.value < ratio.high <= 6.3 / 1.9
    assert ratio.n == 3
    assert ratio == ratio_of_medians(a, b, seed=0)


def test_each_time_has_a_round_of_its_own() -> None:
    assert Timing((1.0, 2.0), (0, 4)).by_round == {0: 1.0, 4: 2.0}
    assert Timing((1.0, 2.0)).by_round == {0: 1.0, 1: 2.0}
    for rounds in ((0,), (3, 3), (0, 1, 2)):
        with pytest.raises(ValueError, match="2 times need as many different rounds"):
            Timing((1.0, 2.0), rounds)


# Machine


def test_no_peak_memory_on_a_cpu() -> None:
    with peak_memory("cpu") as peak:
        pass
    assert peak.allocated is None


def test_peak_memory_of_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda d: log.append(f"reset {d}"))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda d: log.append(f"read {d}") or 7)
    with peak_memory("cuda:1") as peak:
        log.append("block")
        assert peak.allocated is None
    assert peak.allocated == 7
    assert log == ["reset cuda:1", "block", "read cuda:1"]


@pytest.mark.parametrize(
    ("busy", "own", "expected"),
    [(0.0, 0.0, False), (0.10, 0.0, False), (0.11, 0.0, True), (1.0, 1.0, False)],
)
def test_busy_counts_other_processes_only(busy: float, own: float, expected: bool) -> None:
    readings = iter([CpuUse(5.0, 10.0, 2.0), CpuUse(5.0 + busy, 11.0, 2.0 + own)])
    waits: list[float] = []
    assert machine_is_busy(0.10, 0.5, lambda: next(readings), waits.append) is expected
    assert waits == [0.5]


def test_cpu_use_of_the_cpus_open_to_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = tmp_path / "stat"
    stat.write_text(
        "cpu  9 9 9 9 9 9 9 9 9 9\n"
        "cpu0 100 20 30 800 50 1 2 3 40 0\n"  # 156 busy of 1006: the 40 are in the 100
        "cpu1 0 0 0 1000 0 0 0 0 0 0\n"
        "cpu2 500 0 0 500 0 0 0 0 0 0\n"
        "intr 12345\n"
    )
    monkeypatch.setattr(timing.os, "sched_getaffinity", lambda pid: {0, 1})
    monkeypatch.setattr(timing.os, "sysconf", lambda name: 100)
    use = read_cpu_use(stat)
    assert (use.busy, use.total) == (1.56, 20.06)


def test_cpu_use_of_this_machine_grows() -> None:
    if not Path("/proc/stat").exists():
        pytest.skip("/proc/stat is Linux's")
    first = read_cpu_use()
    sum(i * i for i in range(1_000_000))
    second = read_cpu_use()
    assert second.own >= first.own > 0
    assert second.total >= first.total > 0
    assert isinstance(machine_is_busy(interval=0.1), bool)
