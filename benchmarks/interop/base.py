"""What a checkpoint of others holds, and what it becomes here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from torch import Tensor

from benchmarks.core.experiment import Convention, LinearSchedule


@dataclass(frozen=True)
class Content:
    """What a file holds."""

    path: Path  # of the weights, also where a folder was named
    tensors: Mapping[str, Tensor]  # the state dict, wherever it stood in the file
    config: Mapping[str, Any]  # JSON beside it or hyperparameters in the file; {} if none
    where: str = ""  # the key that the state dict stood under


@dataclass(frozen=True)
class Imported:
    """A network of ours that computes what theirs does."""

    layout: str  # title of the layout
    track: str  # "speech" or "images"
    role: Literal["score_net", "schedule_net"]
    network: str  # key of the track's score_nets or schedule_nets
    size: dict[str, Any]  # as in an experiment's YAML
    state: dict[str, Tensor]  # of our network
    training: LinearSchedule | None = None  # where file or layout tells
    amplitude: float | None = None  # of a score network for speech, likewise
    convention: Convention | None = None  # of a schedule network, likewise
    notes: tuple[str, ...] = ()


class Layout(Protocol):
    """Names and shapes that one family of checkpoints shares."""

    title: str

    def recognises(self, content: Content) -> bool:
        """Whether the file is of this family."""

    def convert(self, content: Content) -> Imported:
        """Our network with the file's weights.

        Raises:
            UserError: a tensor is missing or misshaped.
        """
