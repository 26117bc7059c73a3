"""Processes that score clips, each of which may crash or hang at the cost of one score.

Most metrics call libraries in C, where a fault ends the whole process. A worker therefore scores
one clip at a time and reports each score at once. When a worker ends, the metric in work is tried
once more in a new worker. Then it has failed for this clip, and its reason names the signal. A
metric that takes too long is ended and has failed, too. All other scores are kept.
"""

from __future__ import annotations

import contextlib
import functools
import math
import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

import torch
from threadpoolctl import ThreadpoolController

from metrics.items import Clip, ItemMetric, ItemScore, score_item
from metrics.processes import serve_until_parent_ends

SECONDS = 600.0  # most for one metric of one clip; a clip of seconds takes a second
TRIES = 2  # of a metric whose process ended: the fault may be of the clip before
STARTS = 3  # workers in a row that may end before they are ready
READY = "ready"
PASSING = ("SIGKILL", "SIGTERM", "SIGHUP", "took longer than")
"""Words in reasons that may be of the machine at that time, not of the clip."""
Metrics = Mapping[str, type[ItemMetric]]
Message = tuple[str, ItemScore] | ValueError
"""A metric's name and score, or a mistake of the caller."""


@functools.cache
def _linear_algebra() -> ThreadpoolController:
    """Find the thread pools of NumPy's and SciPy's libraries."""
    return ThreadpoolController().select(user_api="blas")


@dataclass(frozen=True)
class Job:
    """A pair of clips, ``(L,)`` each, and the metrics to score it by."""

    metrics: Metrics
    preds: Clip
    target: Clip
    sample_rate: int  # Hz

    def scores(self) -> Iterator[tuple[str, ItemScore]]:
        """Score the pair by one metric after the other, each by one thread."""
        # Cores are for items, and sums must not depend on the number of threads.
        threads = torch.get_num_threads()
        for name, metric in self.metrics.items():
            torch.set_num_threads(1)
            try:
                with _linear_algebra().limit(limits=1):
                    score = score_item(metric, self.preds, self.target, self.sample_rate)
            finally:
                torch.set_num_threads(threads)
            yield name, score


@dataclass
class _Task:
    """A job, with the metrics that are still to be computed."""

    index: int
    job: Job
    left: list[str]
    tries: int = 0

    def job_left(self) -> Job:
        metrics = {name: self.job.metrics[name] for name in self.left}
        return Job(metrics, self.job.preds, self.job.target, self.job.sample_rate)


@dataclass
class _Worker:
    process: SpawnProcess
    pipe: Connection
    is_ready: bool = False
    task: _Task | None = None
    deadline: float = math.inf


@dataclass
class _Round:
    """The state of one call of :meth:`Workers.score`."""

    waiting: deque[_Task]
    scores: list[dict[str, ItemScore]]
    observe: Callable[[int], None]
    unfinished: int = field(init=False)

    def __post_init__(self) -> None:
        self.unfinished = len(self.scores)

    def note(self, task: _Task, score: ItemScore) -> None:
        """Keep the score of the metric in work."""
        self.scores[task.index][task.left.pop(0)] = score
        task.tries = 0
        if not task.left:
            self.unfinished -= 1
            self.observe(len(self.scores) - self.unfinished)


class Workers:
    """Processes that are started when they are needed, and kept for later calls.

    They are started by "spawn": a script needs ``if __name__ == "__main__"``. They end with this
    process, however it ends.

    Args:
        count: most processes at a time.
        seconds: most time for one metric of one clip.
    """

    def __init__(self, count: int, seconds: float = SECONDS) -> None:
        if count < 1:
            raise ValueError(f"scoring needs at least one worker, not {count}")
        self.count = count
        self._seconds = seconds
        self._workers: list[_Worker] = []
        self._lost_starts = 0

    def score(
        self, jobs: Sequence[Job], observe: Callable[[int], None]
    ) -> list[dict[str, ItemScore]]:
        """Score all jobs; the order of the scores is that of the jobs.

        Args:
            jobs: pairs of clips with their metrics.
            observe: called with the number of finished jobs.

        Raises:
            ValueError: a metric found a mistake of the caller.
            RuntimeError: no process can be started.
        """
        tasks = [_Task(i, job, list(job.metrics)) for i, job in enumerate(jobs)]
        now = _Round(deque(task for task in tasks if task.left), [{} for _ in jobs], observe)
        now.unfinished = len(now.waiting)
        try:
            while now.unfinished:
                self._hand_out(now)
                self._listen(now)
        except BaseException:
            self.close()  # workers may still be at work on these jobs
            raise
        return now.scores

    def close(self) -> None:
        """End all processes; a later call starts new ones."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.pipe.close()
        self._workers.clear()

    def _hand_out(self, now: _Round) -> None:
        busy = sum(worker.task is not None for worker in self._workers)
        while len(self._workers) < min(self.count, busy + len(now.waiting)):
            self._workers.append(_started())
        for worker in self._workers:
            if worker.is_ready and worker.task is None and now.waiting:
                worker.task = now.waiting.popleft()
                worker.deadline = time.monotonic() + self._seconds
                with contextlib.suppress(OSError):  # it has ended: the next look at its pipe tells
                    worker.pipe.send(worker.task.job_left())

    def _listen(self, now: _Round) -> None:
        by_pipe = {worker.pipe: worker for worker in self._workers}
        soonest = min(worker.deadline for worker in self._workers)
        patience = None if math.isinf(soonest) else max(0.0, soonest - time.monotonic())
        for pipe in wait(list(by_pipe), patience):
            worker = by_pipe[pipe]  # type: ignore[index]
            try:
                message = worker.pipe.recv()
            except (EOFError, OSError):
                self._bury(worker, now)
                continue
            self._heard(worker, message, now)
        for worker in self._workers[:]:
            if worker.task is not None and time.monotonic() > worker.deadline:
                self._give_up(worker, worker.task, now)

    def _heard(self, worker: _Worker, message: Message | str, now: _Round) -> None:
        if isinstance(message, ValueError):
            raise message
        if isinstance(message, str):  # READY
            worker.is_ready, self._lost_starts = True, 0
            return
        assert worker.task is not None
        now.note(worker.task, message[1])
        worker.deadline = time.monotonic() + self._seconds
        if not worker.task.left:
            worker.task, worker.deadline = None, math.inf

    def _bury(self, worker: _Worker, now: _Round) -> None:
        """Take the task of a worker that has ended; the metric in work has another try or fails."""
        status = self._removed(worker)
        task = worker.task
        if task is None:
            self._lost_starts += not worker.is_ready
            if self._lost_starts >= STARTS:
                raise RuntimeError(
                    f"a scoring process cannot start: it {_end_of(status)}; a script that scores "
                    'needs the line if __name__ == "__main__"'
                )
            return
        task.tries += 1
        if task.tries >= TRIES:
            now.note(task, ItemScore(math.nan, f"The process of this metric {_end_of(status)}."))
        if task.left:
            now.waiting.appendleft(task)

    def _give_up(self, worker: _Worker, task: _Task, now: _Round) -> None:
        worker.process.kill()
        self._removed(worker)
        now.note(task, ItemScore(math.nan, f"The metric took longer than {self._seconds:g} s."))
        if task.left:
            now.waiting.appendleft(task)

    def _removed(self, worker: _Worker) -> int:
        """Remove a worker that ends; returns its exit status."""
        worker.process.join()
        worker.pipe.close()
        self._workers.remove(worker)
        return worker.process.exitcode or 0


def may_pass(reason: str | None) -> bool:
    """Tell whether a metric that failed for this reason might succeed at another time."""
    return reason is not None and any(word in reason for word in PASSING)


def _started() -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    arguments = (__name__, serve.__name__, theirs)
    process = context.Process(target=serve_until_parent_ends, args=arguments, daemon=True)
    process.start()
    theirs.close()  # so that the end of the worker is the end of the pipe
    return _Worker(process, ours)


def _end_of(status: int) -> str:
    """Tell how a process ended, from its exit status."""
    if status >= 0:
        return f"ended with status {status}"
    known = {one.value: one.name for one in signal.Signals}
    return f"was ended by {known.get(-status, f'signal {-status}')}"


def serve(pipe: Connection) -> None:
    """Score jobs from a pipe until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, who closes the pipe
    try:
        pipe.send(READY)
        while True:
            _answer(pipe, pipe.recv())
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the parent is done


def _answer(pipe: Connection, job: Job) -> None:
    try:
        for message in job.scores():
            pipe.send(message)
    except ValueError as error:
        pipe.send(ValueError(str(error)))
