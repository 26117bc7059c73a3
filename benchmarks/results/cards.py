"""Cards of trained networks: a JSON file beside each file of weights."""

from __future__ import annotations

import math
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import safe_open

from bddm_ref.files import DamagedFileError
from benchmarks.core.errors import first_error
from benchmarks.results.origins import Training


class TrainingCard(BaseModel):
    """The training of a network. Entries of older cards that only people read are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    parameters: int
    steps: int  # updates
    seconds: float  # of the last part of a training that was resumed
    steps_in_these_seconds: int
    threads: int | None = None
    loss_curve: list[dict[str, int | float]] = []
    data: str | None = None
    device: str = "cpu"
    seconds_limit: float | None = None
    operations_per_update: float | None = None
    device_rate: float | None = None

    @property
    def text(self) -> str:
        """The card's file."""
        return self.model_dump_json(indent=1, exclude_unset=True) + "\n"

    @property
    def whole_seconds(self) -> float | None:
        """Seconds of the whole training, also where only its last part was timed."""
        part = self.steps_in_these_seconds
        return self.seconds * self.steps / part if part else None

    @property
    def training(self) -> Training | None:
        """A training that ran on a GPU or by the clock, for results to tell of; None for others."""
        if self.device == "cpu" and self.seconds_limit is None:
            return None
        return Training(
            device=self.device,
            parameters=self.parameters,
            steps=self.steps,
            seconds=self.whole_seconds,
            seconds_limit=self.seconds_limit,
            operations_per_update=self.operations_per_update,
            device_rate=self.device_rate,
        )


def card_of(weights: Path) -> TrainingCard | None:
    """The card beside a file of weights; None where there is none.

    Raises:
        DamagedFileError: the card lacks an entry or has one of a wrong type.
    """
    file = weights.with_suffix(".json")
    if not file.is_file():
        return None
    try:
        return TrainingCard.model_validate_json(file.read_text())
    except ValidationError as error:
        raise DamagedFileError(f"{file} is no card of weights: {first_error(error)}") from error


def parameters_in(weights: Path) -> int:
    """Number of values in a safetensors file."""
    with safe_open(weights, framework="numpy") as tensors:
        names = tensors.keys()
        return sum(math.prod(tensors.get_slice(name).get_shape()) for name in names)
