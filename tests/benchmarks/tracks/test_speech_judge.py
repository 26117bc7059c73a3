"""The speech judge: clips that cannot be judged are replaced, and no failure becomes a number."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import Tensor, nn

from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Experiment, SearchConfig
from benchmarks.data.clips import Clip
from benchmarks.data.features import HOP, log_mel
from benchmarks.data.speech import Utterance
from benchmarks.runtime.noise import EvaluatedNet
from benchmarks.runtime.progress import Progress
from benchmarks.runtime.workspace import Workspace
from benchmarks.tracks import make_track
from benchmarks.tracks.speech import judged_clips
from benchmarks.tracks.speech.clip_judge import OURS, Benches, ClipJudge
from benchmarks.tracks.speech.track import SpeechTrack
from metrics.items import ItemScore
from metrics.workers import Job
from synthetic.voices import Wave, syllables

FRAMES = 64
SEARCH = SearchConfig(judge_items=1, finalist_items=2, clip_frames=FRAMES)
SCHEDULE = NoiseSchedule.linear(3, 0.1, 0.5)


class InThisProcess:
    """Scores without starting processes, and counts the pairs."""

    scored = 0

    def score(
        self, jobs: Sequence[Job], observe: Callable[[int], None]
    ) -> list[dict[str, ItemScore]]:
        self.scored += len(jobs)
        return [dict(job.scores()) for job in jobs]


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> InThisProcess:
    made = InThisProcess()
    monkeypatch.setattr(judged_clips, "scoring_workers", lambda threads: made)
    return made


def good(seed: int) -> Wave:
    return syllables(2 * FRAMES * HOP / 16_000, seed)


def paused(seed: int, level: float = 0.0) -> Wave:
    """A voice that pauses in the middle, where the clip is cut."""
    wave = good(seed)
    wave[FRAMES * HOP // 2 - 99 : 3 * FRAMES * HOP // 2 + 99] *= level
    return wave


def click(seed: int) -> Wave:
    """A pause with one click, which is too little speech for STOI."""
    wave = paused(seed)
    wave[FRAMES * HOP] = 0.5
    return wave


def track_of(*waves: Wave, search: SearchConfig = SEARCH) -> SpeechTrack:
    """A track whose validation split has these recordings: r0, r1, ..."""
    experiment = Experiment(search=search)
    made = make_track(experiment, Progress(Console(quiet=True)), torch.device("cpu"))
    assert isinstance(made, SpeechTrack)
    tensors = [torch.tensor(wave, dtype=torch.float32) for wave in waves]
    valid = [Utterance(f"r{i}", wave, log_mel(wave)) for i, wave in enumerate(tensors)]
    made.recordings.__dict__["_valid"] = valid
    made.recordings.__dict__["corpus"] = SimpleNamespace(digest=lambda split: f"{len(valid)} clips")
    return made


class Said(Progress):
    """Keeps the lines that a run would print."""

    def __init__(self) -> None:
        super().__init__(Console(quiet=True))
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        self.lines.append(message)


def checked(track: SpeechTrack, folder: Path) -> list[str]:
    said = Said()
    track.judge.check_items(Workspace(folder), said)
    return said.lines


def judging_clips(track: SpeechTrack, seed: int = 1) -> list[str]:
    """Names of the clips of the search problem, those of the first judgement first."""
    score_net = track.networks.build_score_net()
    convention = track.experiment.conventions[0]
    evaluated, config = EvaluatedNet(score_net, False), track.experiment.search
    judge = track.judge.problem(
        score_net, evaluated, convention, dataclasses.replace(config, seed=seed)
    ).judge
    assert isinstance(judge, ClipJudge)
    benches = judge.benches
    return [clip.name for bench in (benches.first, benches.second) for clip in bench.clips]


SILENT = "pesq_wb_lqo: The scored clip is silent."
FEW_FRAMES = "stoi: Fewer than 30 frames are left after the silent frames were removed."


@pytest.mark.parametrize(
    ("waves", "used", "lost"),
    [
        ([good(i) for i in range(3)], ["r0", "r1", "r2"], {}),
        ([paused(0), good(1), good(2), good(3)], ["r1", "r2", "r3"], {"r0": SILENT}),
        ([good(0), click(1), good(2), good(3)], ["r0", "r2", "r3"], {"r1": FEW_FRAMES}),
        (
            [paused(0), good(1), click(2), paused(3, 1e-9), good(4), good(5), paused(6)],
            ["r1", "r4", "r5"],
            {"r0": SILENT, "r2": FEW_FRAMES, "r3": SILENT, "r6": SILENT},
        ),
    ],
)
def test_clips_that_cannot_be_judged_are_replaced_and_named(
    waves: list[Wave],
    used: list[str],
    lost: dict[str, str],
    workers: InThisProcess,
    tmp_path: Path,
) -> None:
    lines = checked(track := track_of(*waves), tmp_path)
    assert lines == [
        f"search: the validation clip {name} is left out: {reason}" for name, reason in lost.items()
    ]
    assert sorted(judging_clips(track)) == used
    assert workers.scored == len(waves)
    # The next run finds the outcome, and says the same.
    again = track_of(*waves)
    assert checked(again, tmp_path) == lines
    assert judging_clips(again) == judging_clips(track)
    assert workers.scored == len(waves)


def test_the_seed_of_the_search_chooses_the_clips(workers: InThisProcess, tmp_path: Path) -> None:
    track = track_of(*(good(i) for i in range(8)))
    checked(track, tmp_path)
    chosen = [tuple(judging_clips(track, seed)) for seed in range(6)]
    assert len(set(chosen)) > 3
    assert all(len(set(names)) == 3 for names in chosen)


@pytest.mark.parametrize(
    ("waves", "message"),
    [
        (
            [paused(0), good(1), good(2)],
            r"^search: 2 of the 3 clips of the validation split can be judged, and judge_items \+ "
            r"finalist_items = 3 are needed \(r0: pesq_wb_lqo: The scored clip is silent\.\); "
            r"change search\.clip_frames, lower the counts, or give more recordings$",
        ),
        ([click(i) for i in range(5)], "^search: 0 of the 5 clips .* stoi: Fewer than 30 frames"),
    ],
)
def test_too_few_clips_are_one_sentence(
    waves: list[Wave], message: str, workers: InThisProcess, tmp_path: Path
) -> None:
    with pytest.raises(ExperimentError, match=message):
        checked(track_of(*waves), tmp_path)
    assert not list(tmp_path.rglob("finished.json"))


class Predicts(nn.Module):
    """Predicts a constant times x as its noise."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor, alpha: Tensor, condition: Any) -> Tensor:
        return self.factor * x


def judge_of(net: nn.Module, workers: InThisProcess, amplitude: float = 1.0) -> ClipJudge:
    waves = [torch.tensor(good(i)[: FRAMES * HOP], dtype=torch.float32) for i in range(3)]
    clips = [Clip(f"r{i}", wave, log_mel(wave)) for i, wave in enumerate(waves)]
    evaluated = EvaluatedNet(net, False)
    device = torch.device("cpu")
    processes: Any = workers
    benches = Benches.of(clips, lambda part: None, SEARCH.judge_items, amplitude, processes)
    return ClipJudge(evaluated, benches, SEARCH.seed, OURS, device, Counter())


def test_judged_schedules_have_finite_scores() -> None:
    judge = judge_of(Predicts(0.1), InThisProcess())
    pesq, stoi = judge(SCHEDULE, 0)
    assert 0 <= pesq < 0.2
    assert 0 < stoi < 0.9
    assert not judge.failures


@pytest.mark.parametrize(
    ("net", "amplitude", "reason"),
    [
        (Predicts(math.nan), 1.0, "pesq_wb_lqo: A sample is NaN or infinite."),
        (Predicts(math.inf), 1.0, "pesq_wb_lqo: A sample is NaN or infinite."),
        (Predicts(0.1), 1e12, "pesq_wb_lqo: The scored clip is silent."),
    ],
)
def test_an_output_that_cannot_be_judged_is_a_failed_candidate(
    net: nn.Module, amplitude: float, reason: str
) -> None:
    judge = judge_of(net, InThisProcess(), amplitude)
    for trial in (0, 1, 2):
        assert np.isnan(judge(SCHEDULE, trial)).all()
    assert judge.failures == {reason: 3}


def test_one_failed_clip_of_several_is_no_part_of_a_mean() -> None:
    judge = judge_of(Predicts(0.1), InThisProcess())
    bench = judge.benches.second
    silent = dataclasses.replace(bench.clips[1], waveform=torch.zeros(FRAMES * HOP))
    second = dataclasses.replace(bench, clips=[bench.clips[0], silent])
    judge.benches = dataclasses.replace(judge.benches, second=second)
    assert np.isnan(judge(SCHEDULE, 1)).all()
    assert judge.failures == {"pesq_wb_lqo: The reference clip is silent.": 1}
