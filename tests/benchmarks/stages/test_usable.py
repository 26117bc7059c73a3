"""Networks and weights are refused before the data are opened."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from bddm_ref.checkpoint import save_weights
from benchmarks.cli.app import main
from benchmarks.core.errors import ExperimentError, UserError
from benchmarks.core.experiment import Experiment
from benchmarks.core.loading import load
from benchmarks.runtime.distributed import refuse_missing
from benchmarks.runtime.progress import Progress
from benchmarks.runtime.workspace import Workspace
from benchmarks.stages.context import Context
from benchmarks.stages.pipeline import MOST_THREADS, Run, prepare_machine
from benchmarks.tracks import building

TINY = Path(__file__).parents[1] / "tiny"
NOWHERE = Path("/nowhere/at/all")


def refused(experiment: Experiment, tmp_path: Path, **options: Any) -> str:
    """The message of a run of all stages, whose data are not there."""
    context = Context(replace(experiment, data=str(NOWHERE)), Workspace(tmp_path), Progress())
    with pytest.raises(ExperimentError) as told:
        Run(context, **options).until("report", tmp_path)
    assert str(told.value).isprintable()
    return str(told.value)


def tiny(name: str, **changed: Any) -> Experiment:
    """A tiny experiment; changes of its parts are mappings."""
    found = load(str(TINY / f"{name}.yaml"))
    for field, value in changed.items():
        part = getattr(found, field)
        found = replace(found, **{field: replace(part, **value)})
    return found


SPEECH = {"width": 16, "blocks": 1, "encoder_width": 16, "encoder_blocks": 1}


@pytest.mark.parametrize(
    ("size", "told"),
    [
        ({"widthx": 16}, "widthx"),
        (SPEECH | {"width": "16"}, ""),
        (SPEECH | {"blocks": 1.5}, "float"),
        (SPEECH | {"width": [16]}, ""),
        (SPEECH | {"encoder_width": None}, ""),
    ],
)
def test_sizes_that_no_network_can_have(size: dict[str, Any], told: str, tmp_path: Path) -> None:
    message = refused(tiny("speech", score_net={"size": size}), tmp_path)
    assert message.startswith("score_net.size: spectral_vocoder cannot have the sizes {")
    assert told in message


@pytest.mark.parametrize(
    ("track", "part", "size"),
    [
        ("images", "score_net", {"channels": 8, "groups": 3}),
        ("images", "score_net", {"multipliers": "ab"}),
        ("images", "schedule_net", {"nothing": 1}),
        ("speech", "schedule_net", {"nothing": 1}),
    ],
)
def test_sizes_of_other_networks(
    track: str, part: str, size: dict[str, Any], tmp_path: Path
) -> None:
    assert refused(tiny(track, **{part: {"size": size}}), tmp_path).startswith(f"{part}.size: ")


def test_networks_larger_than_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "physical_memory", lambda: 2**20)
    size = SPEECH | {"width": 4_000}
    message = refused(tiny("speech", score_net={"size": size}), tmp_path)
    assert "its parameters need more than" in message
    assert "make it smaller" in message


def test_weights_of_another_network(tmp_path: Path) -> None:
    path = str(tmp_path / "other.safetensors")
    save_weights(torch.nn.Linear(2, 2), Path(path))
    message = refused(tiny("speech", score_net={"weights": path}), tmp_path)
    assert message.startswith("score_net.weights: ")
    message = refused(tiny("speech", schedule_net={"weights": {"raw/tau-6": path}}), tmp_path)
    assert message.startswith("schedule_net.weights.raw/tau-6: ")
    start = tiny("speech", schedule_net={"weights": {"raw": str(tmp_path / "absent")}})
    assert refused(start, tmp_path).endswith("leave the field out to train")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"headline": ("pesq",)}, "headline: 'pesq' is no metric of the speech track"),
        ({"margins": {"stio": 0.1}}, "margins: 'stio' is no metric .*did you mean 'stoi'"),
        ({"reference": "ddpm-21"}, "reference: 'ddpm-21' is none of"),
        ({"rows": ()}, "rows: the list is empty"),
        ({"conventions": ()}, "conventions: the list is empty"),
    ],
)
def test_mistakes_do_not_wait_for_the_data(
    changed: dict[str, Any], message: str, tmp_path: Path
) -> None:
    assert re.search(message, refused(replace(tiny("speech"), **changed), tmp_path))


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("mps", "device: mps is not used here"),
        ("gpu", "device: 'gpu' is no device"),
        ("meta", "device: meta is not used here"),
        ("cuda:99", "device: cuda:99 is missing"),
        ("", "device: '' is no device"),
    ],
)
def test_devices_that_are_not_there(device: str, message: str) -> None:
    refuse_missing("cpu")
    with pytest.raises(UserError, match=message):
        refuse_missing(device)


def test_a_gpu_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    refuse_missing("cuda")
    refuse_missing("cuda:1")
    with pytest.raises(UserError, match="torch sees the CUDA devices 0 to 1"):
        refuse_missing("cuda:2")


@pytest.mark.parametrize("by_option", [True, False])
def test_threads_by_the_thousand(monkeypatch: pytest.MonkeyPatch, by_option: bool) -> None:
    most = MOST_THREADS * (os.cpu_count() or 1)
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    if by_option:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", str(most + 1))
    experiment = Experiment(threads=most + 1 if by_option else 0)
    field = "threads" if by_option else "OMP_NUM_THREADS"
    with pytest.raises(ExperimentError, match=f"^{field}: {most + 1} is not .* up to {most}$"):
        prepare_machine(experiment, Progress())


def test_the_command_says_it_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--score-net.size.width", "0", "--data", str(NOWHERE)]
    assert main(["run", str(TINY / "speech.yaml"), *options]) == 2
    told = capsys.readouterr().err
    assert "error: score_net.size: spectral_vocoder cannot have the sizes" in told
    assert told.endswith(" has no element\n")
