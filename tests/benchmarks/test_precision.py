from __future__ import annotations

import io

import pytest
import torch
from rich.console import Console

from benchmarks import pipeline, precision
from benchmarks.experiment import Experiment, ScoreNetConfig, as_dict, load
from benchmarks.pipeline import prepare_machine
from benchmarks.precision import in_float32, multiplies_bf16
from benchmarks.progress import Progress

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


def test_a_gpu_is_asked_without_emulation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation
    )
    assert not multiplies_bf16(torch.device("cuda"))


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
    monkeypatch.setattr(pipeline, "multiplies_bf16", lambda device: fast)
    said = io.StringIO()
    experiment = Experiment(threads=torch.get_num_threads())
    prepared = prepare_machine(experiment, Progress(Console(file=said, width=200)))
    assert prepared.bf16 is fast
    assert ("no bfloat16 instructions" in said.getvalue()) is not fast
    assert precision.in_float32(prepared) is prepared or fast
