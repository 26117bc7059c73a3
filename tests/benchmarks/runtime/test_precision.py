from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator

import pytest
import torch
from rich.console import Console

from benchmarks.cli.app import main
from benchmarks.core.experiment import Experiment, ScoreNetConfig
from benchmarks.core.identity import as_dict
from benchmarks.core.loading import load
from benchmarks.runtime import precision
from benchmarks.runtime.precision import in_float32, multiplies_bf16
from benchmarks.runtime.progress import Progress
from benchmarks.stages.pipeline import prepare_machine

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("capabilities", "fast"),
    [
        ({"avx2": True, "avx512_f": True}, False),
        ({"avx512_f": True, "avx512_bf16": False}, False),
        ({"avx512_f": True, "avx512_bf16": True}, True),
        ({"amx_bf16": True}, True),
        ({"neon": True, "bf16": True}, True),
    ],
)
def test_a_processor_is_asked_for_bf16_instructions(
    capabilities: dict[str, bool], fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert multiplies_bf16(CPU) is fast


def test_the_gpu_that_is_meant_is_asked_without_emulation(monkeypatch: pytest.MonkeyPatch) -> None:
    current = []

    def supported(including_emulation: bool = True) -> bool:
        return including_emulation or current == [torch.device("cuda:1")]

    @contextlib.contextmanager
    def device(one: torch.device) -> Iterator[None]:
        current.append(one)
        yield
        current.clear()

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    monkeypatch.setattr(torch.cuda, "device", device)
    assert multiplies_bf16(torch.device("cuda:1"))
    assert not multiplies_bf16(torch.device("cuda:0"))


def test_a_gpu_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(["data", "smoke", "--device", "cuda"]) == 2
    assert "error: device: cuda is missing: torch sees no CUDA" in capsys.readouterr().err


def test_every_bf16_becomes_float32_and_nothing_else_changes() -> None:
    experiment = load("images-cpu-full")
    before, after = as_dict(experiment), as_dict(in_float32(experiment))
    assert before["bf16"]
    assert before["score_net"]["training"]["bf16"]
    assert before["image"]["classifier_training"]["bf16"]
    before["bf16"] = before["score_net"]["training"]["bf16"] = False
    before["image"]["classifier_training"]["bf16"] = False
    assert after == before


def test_an_experiment_in_float32_is_itself() -> None:
    experiment = in_float32(Experiment(score_net=ScoreNetConfig()))
    assert in_float32(experiment) is experiment


@pytest.mark.parametrize("fast", [False, True])
def test_the_machine_decides_and_says_so(fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "multiplies_bf16", lambda device: fast)
    said = io.StringIO()
    experiment = Experiment(threads=torch.get_num_threads())
    prepared = prepare_machine(experiment, Progress(Console(file=said, width=200)))
    assert prepared.bf16 is fast
    assert ("no bfloat16 instructions" in said.getvalue()) is not fast
    assert (prepared is experiment) is fast


@pytest.mark.parametrize(
    ("asked", "variable", "expected"),
    [(3, "2", 3), (0, "2", 2), (0, "4,2", None), (0, "0", None), (0, None, None)],
)
def test_threads_are_the_experiments_or_the_environments_or_all(
    asked: int, variable: str | None, expected: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", variable)
    found: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", found.append)
    prepare_machine(Experiment(threads=asked), Progress(Console(file=io.StringIO())))
    assert found == [expected or os.cpu_count()]
