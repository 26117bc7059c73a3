"""Cards of trained networks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bddm_ref.files import DamagedFileError
from benchmarks.results.cards import card_of
from benchmarks.results.origins import Training

CARD = {"steps": 40, "seconds": 5.0, "steps_in_these_seconds": 20, "parameters": 7}


def written(folder: Path, card: dict[str, object]) -> Path:
    weights = folder / "weights.safetensors"
    weights.with_suffix(".json").write_text(json.dumps(card))
    return weights


def test_weights_may_have_no_card(tmp_path: Path) -> None:
    assert card_of(tmp_path / "weights.safetensors") is None


@pytest.mark.parametrize("card", [CARD, CARD | {"device": "cpu"}])
def test_a_training_without_a_limit_on_a_cpu_is_not_told(
    tmp_path: Path, card: dict[str, object]
) -> None:
    found = card_of(written(tmp_path, card))
    assert found is not None
    assert found.training is None
    assert found.whole_seconds == 10.0


def test_trainings_by_the_clock_and_on_gpus_are_told(tmp_path: Path) -> None:
    limited = card_of(written(tmp_path, CARD | {"seconds_limit": 10.0}))
    assert limited is not None
    assert limited.training == Training(
        device="cpu", parameters=7, steps=40, seconds=10.0, seconds_limit=10.0
    )
    on_gpu = card_of(written(tmp_path, CARD | {"device": "NVIDIA H100"}))
    assert on_gpu is not None
    assert on_gpu.training is not None
    assert on_gpu.training.device == "NVIDIA H100"


def test_a_card_is_written_as_it_was_read(tmp_path: Path) -> None:
    card = CARD | {"loss_curve": [{"step": 20, "loss": 0.5}]}
    found = card_of(written(tmp_path, card))
    assert found is not None
    assert json.loads(found.text) == card


def test_another_file_is_refused_by_its_entry(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match="is no card of weights: steps: Field required"):
        card_of(written(tmp_path, {"parameters": 7}))
