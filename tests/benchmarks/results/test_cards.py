"""Cards of trained networks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from bddm_ref.files import DamagedFileError
from benchmarks.results.cards import TrainingCard, card_of, parameters_in

FIELDS: dict[str, Any] = {
    "parameters": 7,
    "steps": 400,
    "seconds": 30.0,
    "steps_in_these_seconds": 100,
}


def test_a_resumed_training_is_timed_by_its_last_part() -> None:
    assert TrainingCard(**FIELDS).whole_seconds == 120.0
    assert TrainingCard(**FIELDS | {"steps_in_these_seconds": 0}).whole_seconds is None


@pytest.mark.parametrize(
    ("changes", "notable"),
    [({}, False), ({"device": "NVIDIA H100"}, True), ({"seconds_limit": 60.0}, True)],
)
def test_a_training_on_a_gpu_or_by_the_clock_is_notable(
    changes: dict[str, Any], notable: bool
) -> None:
    assert TrainingCard(**FIELDS | changes).is_notable is notable


def test_results_tell_of_a_training_what_its_card_states() -> None:
    card = TrainingCard(**FIELDS, device="NVIDIA H100", device_rate=8e14)
    assert card.as_training() == {
        "steps": 400,
        "seconds": 120.0,
        "device": "NVIDIA H100",
        "device_rate": 8e14,
        "parameters": 7,
    }


def test_a_card_lies_beside_its_weights_and_keeps_entries_for_people(tmp_path: Path) -> None:
    weights = tmp_path / "score.safetensors"
    assert card_of(weights) is None
    weights.with_suffix(".json").write_text(json.dumps(FIELDS | {"loss_curve": [0.5, 0.4]}))
    card = card_of(weights)
    assert card is not None
    assert card.model_extra == {"loss_curve": [0.5, 0.4]}


@pytest.mark.parametrize(
    ("content", "said"),
    [("{}", "parameters: Field required"), ("{", "Invalid JSON"), ('{"steps": "x"}', "parameters")],
)
def test_a_damaged_card_is_refused(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "score.json").write_text(content)
    with pytest.raises(DamagedFileError, match=rf"score\.json is no card of weights: .*{said}"):
        card_of(tmp_path / "score.safetensors")


def test_parameters_are_counted_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "score.safetensors"
    save_file({"a": np.zeros((3, 4), np.float32), "b": np.zeros(5, np.float32)}, path)
    assert parameters_in(path) == 17
