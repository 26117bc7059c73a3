"""Timing of calls on a CPU or a CUDA device, for fair comparison of contestants.

The caller passes in the clock: this module does not decide where a call runs, and can be tested
without a GPU. Times are seconds.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch

from metrics.times import Timing


class Clock(Protocol):
    """A clock that times one call."""

    def seconds(self, call: Callable[[], object]) -> float:
        """Run ``call`` to its end, its device's work included, and return the wall-clock time."""


@dataclass(frozen=True)
class CpuClock:
    """A clock for calls whose work has ended when they return."""

    now: Callable[[], float] = time.perf_counter  # s

    def seconds(self, call: Callable[[], object]) -> float:
        """Run ``call`` and return its wall-clock time."""
        start = self.now()
        call()
        return self.now() - start


class TimerEvent(Protocol):
    """A point in a device's queue of work; `torch.cuda.Event` is one."""

    def record(self) -> None:
        """Put the event at the end of the queue."""

    def synchronize(self) -> None:
        """Wait until the device has reached the event."""

    def elapsed_time(self, end_event: Any, /) -> float:
        """Milliseconds from this event to ``end_event``."""


@dataclass(frozen=True)
class CudaClock:
    """A clock for calls that queue work on a CUDA device, by a pair of events.

    The time includes gaps in which the device waits for Python, because a user waits for them too.
    """

    new_event: Callable[[], TimerEvent]

    def seconds(self, call: Callable[[], object]) -> float:
        """Run ``call`` and return its time on the device; synchronise once, at the end."""
        start, end = self.new_event(), self.new_event()
        start.record()
        call()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / 1_000


class _DeviceEvent:
    """An event on the current stream of a given device, which need not be the current one."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.event = torch.cuda.Event(enable_timing=True)

    def record(self) -> None:
        self.event.record(torch.cuda.current_stream(self.device))

    def synchronize(self) -> None:
        self.event.synchronize()

    def elapsed_time(self, end_event: _DeviceEvent, /) -> float:
        return float(self.event.elapsed_time(end_event.event))


def clock_for(device: torch.device | str) -> Clock:
    """Choose the clock for calls that run on ``device``.

    Raises:
        ValueError: the device is neither a CPU nor a CUDA device.
    """
    device = torch.device(device)
    if device.type == "cpu":
        return CpuClock()
    if device.type == "cuda":
        return CudaClock(lambda: _DeviceEvent(device))
    raise ValueError(f"there is no clock for the device {device}; use a CPU or a CUDA device")


def measure_interleaved(
    calls: Mapping[str, Callable[[int], object]],
    rounds: int | Mapping[str, int],
    warmup: int,
    seed: int,
    clock: Clock,
    observe: Callable[[str, int, float], None] = lambda name, index, seconds: None,
) -> dict[str, Timing]:
    """Time contestants in turns, so that a slow minute of the machine affects all alike.

    Every round runs its contestants in a freshly shuffled order. A contestant with fewer rounds
    than others takes part in evenly spread rounds.

    Args:
        calls: the calls to time, by contestant. A call gets the number of the round, for fresh
            input; the timed rounds continue the numbers of the warm-up.
        rounds: timed rounds, for all contestants or by contestant.
        warmup: rounds of every contestant before the timed ones, whose times are dropped.
        seed: seed of the shuffling.
        clock: clock for the device on which the calls run.
        observe: called after each timed call with (contestant, round, seconds).

    Returns:
        Timings by contestant, in the order of ``calls``. Their rounds count from 0, after the
        warm-up, so that times of one round can be paired.

    Raises:
        ValueError: there is no contestant, one has no rounds, or the warm-up is negative.
    """
    counts = _round_counts(calls, rounds)
    if warmup < 0:
        raise ValueError(f"the number of warm-up rounds must not be negative: {warmup}")
    seconds: dict[str, dict[int, float]] = {name: {} for name in calls}
    for index, name in _turns(counts, warmup, random.Random(seed)):
        taken = clock.seconds(partial(calls[name], index))
        if index >= warmup:
            seconds[name][index - warmup] = taken
            observe(name, index, taken)
    return {
        name: Timing(tuple(by_round.values()), tuple(by_round))
        for name, by_round in seconds.items()
    }


def _round_counts(
    calls: Mapping[str, Callable[[int], object]], rounds: int | Mapping[str, int]
) -> dict[str, int]:
    counts = {name: rounds if isinstance(rounds, int) else rounds.get(name, 0) for name in calls}
    if not counts or min(counts.values()) < 1:
        raise ValueError(f"every contestant needs at least one timed round: {counts}")
    return counts


def _turns(
    counts: Mapping[str, int], warmup: int, shuffler: random.Random
) -> Iterator[tuple[int, str]]:
    longest = max(counts.values())
    for index in range(warmup + longest):
        timed = index - warmup
        # A contestant with `count` rounds takes part where timed * count / longest has just passed
        # a whole number: `count` evenly spread rounds out of `longest`.
        present = [
            name for name, count in counts.items() if timed < 0 or timed * count % longest < count
        ]
        shuffler.shuffle(present)
        yield from ((index, name) for name in present)


@dataclass
class PeakMemory:
    """Result of `peak_memory`, filled in when its block ends."""

    allocated: int | None = None  # bytes, None on a CPU


@contextlib.contextmanager
def peak_memory(device: torch.device | str) -> Iterator[PeakMemory]:
    """Measure the largest memory that torch had allocated on a CUDA device inside the block.

    Memory allocated before the block counts too. Nothing is measured on a CPU.
    """
    device, peak = torch.device(device), PeakMemory()
    if device.type != "cuda":
        yield peak
        return
    torch.cuda.reset_peak_memory_stats(device)
    yield peak
    peak.allocated = torch.cuda.max_memory_allocated(device)


@dataclass(frozen=True)
class CpuUse:
    """Processor time since the machine's start, summed over the CPUs open to this process, s."""

    busy: float  # time of all processes
    total: float  # busy or idle
    own: float  # time of this process


def read_cpu_use(stat: Path = Path("/proc/stat")) -> CpuUse:
    """Read the processor time used up to now (proc(5); Linux only).

    Raises:
        OSError: the system has no such file.
    """
    tick = os.sysconf("SC_CLK_TCK")
    cpus = {f"cpu{index}" for index in os.sched_getaffinity(0)}
    busy = total = 0
    for line in stat.read_text(encoding="ascii").splitlines():
        name, *fields = line.split()
        if name in cpus:
            # user nice system idle iowait irq softirq steal; user includes the guest times after
            ticks = [int(field) for field in fields[:8]]
            total += sum(ticks)
            busy += sum(ticks) - ticks[3] - ticks[4]
    times = os.times()
    return CpuUse(busy / tick, total / tick, times.user + times.system)


def machine_is_busy(
    threshold: float = 0.10,
    interval: float = 0.5,
    read: Callable[[], CpuUse] = read_cpu_use,
    sleep: Callable[[float], object] = time.sleep,
) -> bool:
    """Tell whether other processes use too much of the CPUs for a measurement now.

    Args:
        threshold: largest share of the CPUs' time that others may use, 0 to 1.
        interval: length of the observation, s; 0.1 or more, as the system counts in 0.01 s.
        read: reads the processor times up to now.
        sleep: waits for the given seconds.

    Raises:
        OSError: the system is not Linux.
    """
    before = read()
    sleep(interval)
    after = read()
    others = (after.busy - before.busy) - (after.own - before.own)
    return others > threshold * (after.total - before.total)
