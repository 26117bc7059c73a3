"""The fingerprint of the inputs of every stage of every shipped experiment, without the code.

A fingerprint names the folder that finished work is found in again. A change of the inputs must not
happen by accident: all work would have to be made again. Data, trained weights, schedules and
samples are stand-ins, so that nothing is downloaded, trained or sampled.

``python -m pytest tests/benchmarks/stages/test_golden_fingerprints.py`` prints the values that
differ. Write them into the file where the change of inputs is meant.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from bddm_ref.files import write_with_checksum
from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.identity import fingerprint
from benchmarks.core.loading import load, names
from benchmarks.core.rows import Sampled
from benchmarks.runtime.code.closure import Code
from benchmarks.runtime.progress import Progress
from benchmarks.runtime.workspace import NO_CODE, StageFolder, Workspace
from benchmarks.stages import networks, sample, search, train
from benchmarks.stages import timing as clock
from benchmarks.stages.context import Context
from benchmarks.stages.pipeline import Run
from benchmarks.stages.sample import Session, sampled_rows
from benchmarks.tracks.images import features
from benchmarks.tracks.images.data import Pictures
from benchmarks.tracks.images.judge import ImageJudge
from benchmarks.tracks.speech import judged_clips
from benchmarks.tracks.speech import scored as scored_clips
from benchmarks.tracks.speech.data import Recordings

GOLDEN = Path(__file__).with_name("golden_fingerprints.json")


class StandInClip(NamedTuple):
    name: str = "clip"
    waveform: torch.Tensor = torch.zeros(16)
    log_mel: torch.Tensor = torch.zeros(80, 2)


class StandInData:
    """Data without items."""

    name = "stand-in"
    sha256 = "data"
    shape = (1, 32, 32)
    channels = 1

    def sizes(self) -> dict[str, int]:
        return {"train": 10**6, "valid": 10**6, "test": 10**6}

    def digest(self, split: str) -> str:
        return f"data of {split}"


class FinishedFolder(StageFolder):
    """A folder that is finished, with stand-ins for its outputs."""

    def is_finished(self) -> bool:
        return True


class RecordingWorkspace(Workspace):
    """Notes the fingerprint of every stage that is asked for."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.found: dict[str, list[str]] = {}

    def stage(self, name: str, inputs: dict[str, Any], code: Code = NO_CODE) -> StageFolder:
        digest = fingerprint(inputs)[:12]
        folder = FinishedFolder(self.root / name / digest, inputs)
        noted = self.found.setdefault(name, [])
        if digest in noted:
            return folder
        noted.append(digest)
        folder.path.mkdir(parents=True)
        made: Callable[[Path], Any] = lambda path: path.write_text(digest)  # noqa: E731
        if name.endswith(("_net", "_estimator")):
            write_with_checksum(folder.path / "weights.safetensors", made)
        if name == "search":
            lengths = inputs["config"]["lengths"]
            schedules = {str(n): NoiseSchedule.linear(n, 1e-4, 0.05).betas for n in lengths}
            tau = next(iter(inputs["schedule_nets"]), None)
            net = {} if tau is None else {"tau": int(tau)}
            start = {"alpha": 0.5, "beta": 0.5, "kernel": "ddpm"} | net
            record = {
                "schedules": {
                    n: {"betas": b, "start": start, "scores": [0.0]} for n, b in schedules.items()
                },
                "nfe": 0,
                "seconds": 0.0,
            }
            (folder.path / "schedules.json").write_text(json.dumps(record))
        if name == "sample":
            made(folder.path / "samples.safetensors")
        if name == "time":
            times = {"rows": {}, "busy": False}
            (folder.path / "seconds.json").write_text(json.dumps(times))
        return folder


def scored(context: Context, sampled: list[Sampled]) -> None:
    """Ask for the stage of every score; the stand-in samples have none to read."""
    if context.experiment.track != "analytic":  # its scores are no stage
        with contextlib.suppress(FileNotFoundError):
            context.track.scores.score(context.workspace, sampled)


def fingerprints(name: str, folder: Path, from_scratch: bool) -> dict[str, str]:
    """Stage to one digest of the fingerprints of all its folders, in their order."""
    workspace = RecordingWorkspace(folder)
    context = Context(load(name), workspace, Progress())
    run = Run(context, from_scratch)
    weights = run._trained()
    searched = run._searched(weights)
    found = {
        convention: {search: [one.found for one in repeats] for search, repeats in by.items()}
        for convention, by in searched.items()
    }
    session = Session(context, weights, found)
    sampled = sampled_rows(session)
    clock.timed_rows(session)
    scored(context, sampled)
    return {
        stage: f"{len(all_of)} {hashlib.sha256(' '.join(all_of).encode()).hexdigest()[:12]}"
        for stage, all_of in workspace.found.items()
    }


trained_judge = ImageJudge.sha256.func


def judge_sha256(judge: ImageJudge) -> str:
    """Inception's file is a user's own."""
    return "inception" if judge.net is None else trained_judge(judge)


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither data nor trained networks nor this machine's name."""
    data = StandInData()
    monkeypatch.setattr(Pictures, "images", data)
    monkeypatch.setattr(ImageJudge, "extractor", None)
    monkeypatch.setattr(ImageJudge, "sha256", property(judge_sha256))
    monkeypatch.setattr(Recordings, "corpus", data)
    monkeypatch.setattr(Recordings, "test_clips", [StandInClip()])
    for module in (networks, sample, search, clock, train, features, judged_clips, scored_clips):
        monkeypatch.setattr(module, "code_of", lambda *_: NO_CODE)  # codes are not compared
    # It remembers its answers, which later tests would get.
    monkeypatch.setattr(scored_clips, "_code", lambda metrics: NO_CODE)
    untrained = torch.nn.Identity()
    for module in (train, sample):
        monkeypatch.setattr(module, "load_score_net", lambda *_: untrained)
    monkeypatch.setattr(sample, "load_schedule_net", lambda *_: untrained)
    monkeypatch.setattr(networks, "load_network", lambda *_: None)
    monkeypatch.setattr(sample, "weights_digest", functools.cache(sample.weights_digest))
    monkeypatch.setattr(sample, "examples_power", lambda *_: lambda level: 1.0)
    monkeypatch.setattr(clock.provenance, "processor", lambda: "stand-in")
    monkeypatch.setattr(clock.torch, "get_num_threads", lambda: 1)
    monkeypatch.setattr(train, "started_from", lambda *_: untrained)


def test_every_experiment_has_golden_fingerprints() -> None:
    assert set(json.loads(GOLDEN.read_text())) == set(names())


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
@pytest.mark.usefixtures("stand_ins")
def test_stages_have_their_golden_fingerprints(name: str, tmp_path: Path) -> None:
    golden = json.loads(GOLDEN.read_text())[name]
    assert fingerprints(name, tmp_path / "a", False) == golden["shipped weights"]
    if "from scratch" in golden:  # which differs
        assert fingerprints(name, tmp_path / "b", True) == golden["from scratch"]
