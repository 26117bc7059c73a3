"""Claim tests of what a schedule network's training costs."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from bddm_ref.files import write_with_checksum
from benchmarks.claims.costs import TrainingCost
from benchmarks.results.folder import MissingResultError, ResultsFolder
from benchmarks.results.schema import RunResults
from synthetic.runs import cost, run

Made = Callable[..., ResultsFolder]
BATCHES = {
    "schedule_net": {"batch_size": 1, "training": {"steps": 100, "learning_rate": 1e-5}},
    "score_net": {"batch_size": 4, "draws": 2},
}
SHARE: dict[str, Any] = {
    "kind": "training_cost",
    "results": "speech",
    "convention": "raw",
    "score_net": "score",
    "level": "CPU-scale",
    "command": "run x",
}


def trained(steps: int | None, seconds: float | None) -> RunResults:
    """A run whose schedule network of 700 values had so many updates."""
    update = {"schedule_net_steps": steps, "schedule_net_seconds": seconds}
    one = cost("raw", "bddm", "paper", 10).model_copy(update=update)
    return run("speech", [], experiment=BATCHES, costs=[one])


def write_card(folder: Path, name: str, seconds: float, parameters: int, steps: int) -> None:
    """Write weights of so many values, with the card of their training."""
    weights = folder / "weights" / f"{name}.safetensors"
    weights.parent.mkdir(exist_ok=True)
    save_file({"w": np.zeros(parameters, np.float32)}, weights)
    card = {
        "parameters": parameters,
        "steps": steps,
        "seconds": seconds,
        "steps_in_these_seconds": steps,
    }
    write = partial(Path.write_text, data=json.dumps(card))
    write_with_checksum(weights.with_suffix(".json"), write)


@pytest.mark.parametrize(("updates", "expected"), [(240, "holds"), (241, "does not hold")])
def test_a_share_of_the_compute(
    folder_of: Made, tmp_path: Path, updates: int, expected: str
) -> None:
    """Forward passes of the score network alone, against 3 of them for each of its updates."""
    folder = folder_of(speech=trained(updates, 50.0))
    write_card(tmp_path, "score", 100.0, 1400, 100)  # 100 updates of 4 items and 2 draws
    test = TrainingCost(of="compute", at_most=0.1, **SHARE)
    found = test.decide(folder)
    assert found.verdict == expected
    share = updates / (100 * 4 * 2 * 3)
    assert found.measured == (
        f"{share:.2%} of the compute: {updates} of 100 updates = {updates / 100:.1%}, {updates} of "
        f"800 evaluations = {updates / 800:.1%}, forward against forward and backward; 2 trained; "
        "700 of 1400 parameters = 50.0%"
    )
    assert test.asked.endswith("raw/bddm: at most 10% of the training compute of score")
    assert found.sides is None


@pytest.mark.parametrize(("seconds", "expected"), [(1800.0, "holds"), (1801.0, "does not hold")])
def test_seconds_are_those_of_one_network(
    folder_of: Made, tmp_path: Path, seconds: float, expected: str
) -> None:
    folder = folder_of(speech=trained(300, 3 * seconds))
    write_card(tmp_path, "score", 100.0, 1400, 100)
    test = TrainingCost(of="seconds", at_most=1800, **SHARE)
    found = test.decide(folder)
    assert found.verdict == expected
    assert found.short == f"{seconds:.0f} s"
    assert "; 3 trained; " in found.measured
    assert test.asked.endswith("raw/bddm: trained in at most 1800 s")


def test_a_run_without_a_training_is_told(folder_of: Made, tmp_path: Path) -> None:
    write_card(tmp_path, "score", 100.0, 1400, 100)
    test = TrainingCost(of="seconds", at_most=1800, **SHARE)
    for changes in ({}, {"convention": "scaled"}, {"contestant": "constants"}):
        with pytest.raises(MissingResultError, match=r"speech\.json has no training of the"):
            test.model_copy(update=changes).decide(folder_of(speech=trained(None, None)))
