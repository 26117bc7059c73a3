"""Worker processes: a crash or a hang costs one score, and no worker outlives its parent."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from metrics.items import ItemMetric, ItemScore
from metrics.workers import Job, Workers, _end_of, may_pass
from synthetic.failing_metrics import Fatal, First, Mistaken, Once, Slow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ONCE_FILE", str(tmp_path_factory.mktemp("once") / "file"))
        made = Workers(1)
        yield made
        made.close()


def job(first: float, *metrics: type[ItemMetric]) -> Job:
    clip = np.array([first, 0.0])
    return Job({metric.name: metric for metric in metrics}, clip, clip, 16_000)


def reasons(scores: list[dict[str, ItemScore]], name: str) -> list[str | None]:
    assert all(math.isnan(one[name].value) == (one[name].reason is not None) for one in scores)
    return [one[name].reason for one in scores]


@pytest.mark.slow
def test_a_crash_costs_the_score_of_its_clip_alone(workers: Workers) -> None:
    jobs = [job(first, First, Fatal, Slow) for first in (3.0, -1.0, 4.0)]
    seen = list[int]()
    scores = workers.score(jobs, seen.append)
    crashed = "The process of this metric was ended by SIGSEGV."
    assert reasons(scores, "fatal") == [None, crashed, None]
    for name in ("first", "slow"):
        assert [one[name].value for one in scores] == [3, -1, 4]
    assert seen == [1, 2, 3]


@pytest.mark.slow
def test_a_fault_that_does_not_come_again_costs_nothing(workers: Workers) -> None:
    assert workers.score([job(2.0, Once, First)], lambda done: None) == [
        {"once": ItemScore(1.0), "first": ItemScore(2.0)}
    ]


@pytest.mark.parametrize(
    ("status", "words", "passing"),
    [
        (-signal.SIGSEGV, "was ended by SIGSEGV", False),
        (-signal.SIGABRT, "was ended by SIGABRT", False),
        (-signal.SIGKILL, "was ended by SIGKILL", True),
        (-signal.SIGTERM, "was ended by SIGTERM", True),
        (7, "ended with status 7", False),
        (0, "ended with status 0", False),
        (-200, "was ended by signal 200", False),
    ],
)
def test_the_end_of_a_process_in_words(status: int, words: str, passing: bool) -> None:
    assert _end_of(status) == words
    assert may_pass(f"The process of this metric {words}.") is passing


@pytest.mark.slow
def test_a_metric_that_hangs_is_ended(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    assert workers.score([job(1.0, Slow)], lambda done: None)[0]["slow"].value == 1.0
    monkeypatch.setattr(workers, "_seconds", 0.5)
    scores = workers.score([job(-5.0, Slow)], lambda done: None)
    assert reasons(scores, "slow") == ["The metric took longer than 0.5 s."]
    assert may_pass(scores[0]["slow"].reason)


@pytest.mark.slow
def test_a_mistake_of_the_caller_is_raised(workers: Workers) -> None:
    with pytest.raises(ValueError, match="defined at 8000 Hz, not at 16000"):
        workers.score([job(1.0, Mistaken)], lambda done: None)
    assert workers._workers == []  # others may be at work on clips that nobody waits for


def test_no_metric_needs_no_process() -> None:
    own = Workers(1)
    assert own.score([job(1.0)], lambda done: None) == [{}]
    assert own._workers == []


def test_there_is_at_least_one_worker() -> None:
    with pytest.raises(ValueError, match="at least one worker, not 0"):
        Workers(0)


PARENT = """
import numpy as np
from metrics.workers import Job, Workers
from synthetic.failing_metrics import First, Slow
if __name__ == "__main__":
    clip = lambda first: np.array([first, 0.0])
    pool = Workers(1)
    ready = [Job({"first": First}, clip(1.0), clip(1.0), 8000)]
    pool.score(ready, lambda done: None)
    print(*(w.process.pid for w in pool._workers), flush=True)
    pool.score([Job({"slow": Slow}, clip(-5.0), clip(-5.0), 8000)], lambda done: None)
"""


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "helpers")])
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": paths},
    ) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert pids
        assert all(map(is_alive, pids))
        parent.kill()
        parent.wait()
    deadline = time.monotonic() + 10
    while any(map(is_alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(is_alive, pids))
