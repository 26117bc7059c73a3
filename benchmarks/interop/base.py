"""The contents of another project's checkpoint, and the network of ours that it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from torch import Tensor

from benchmarks.core.experiment import Convention, LinearSchedule


@dataclass(frozen=True)
class Content:
    """Contents of a file.

    Attributes:
        path: the weights file, also where the user named its folder.
        tensors: the state dict, wherever it stood in the file.
        config: the JSON beside the file, or hyperparameters in the file; {} if none.
        where: the keys that the state dict stood under, joined by points.
        prefix: first part of the names in the file, which was dropped.
        notes: sentences on what else the file or its folder holds.
        others: other mappings of names to tensors that the file may mean, in their order.
    """

    path: Path
    tensors: Mapping[str, Tensor]
    config: Mapping[str, Any]
    where: str = ""
    prefix: str = ""
    notes: tuple[str, ...] = ()
    others: tuple[Content, ...] = ()


@dataclass(frozen=True)
class Imported:
    """A network of ours with the weights of a file.

    Attributes:
        layout: title of the layout.
        track: "speech" or "images".
        role: the network's part in sampling.
        network: key of the track's score_nets or schedule_nets.
        size: the network's size, as in an experiment's YAML.
        state: state dict of our network.
        training: the training schedule, where file or layout names it.
        told: fields of the training schedule that the file itself tells, as T or start.
        amplitude: factor on recordings in training; of a score network for speech alone.
        convention: convention of a schedule network, where file or layout names it.
        notes: sentences for the user.
    """

    layout: str
    track: str
    role: Literal["score_net", "schedule_net"]
    network: str
    size: dict[str, Any]
    state: dict[str, Tensor]
    training: LinearSchedule | None = None
    told: tuple[str, ...] = ()
    amplitude: float | None = None
    convention: Convention | None = None
    notes: tuple[str, ...] = ()


class Layout(Protocol):
    """Names and shapes that one family of checkpoints shares."""

    title: str

    def recognises(self, content: Content) -> bool:
        """Tell whether the file is of this family."""

    def names(self) -> frozenset[str]:
        """Names of tensors in small networks of the family, as files have them."""

    def convert(self, content: Content) -> Imported:
        """Convert the file to a network of ours.

        Raises:
            UserError: a tensor is missing or misshaped.
        """
