"""What every stage of a run shares."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from bddm_ref.checkpoint import sha256_of, verify_checksum
from benchmarks.data.speech import SpeechCorpus, Utterance, open_corpus
from benchmarks.distributed import own_device
from benchmarks.experiment import Experiment
from benchmarks.progress import Progress
from benchmarks.workspace import Workspace

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Context:
    """One run: what to do, where to work, whom to tell."""

    experiment: Experiment
    workspace: Workspace
    progress: Progress

    @cached_property
    def corpus(self) -> SpeechCorpus:
        """The data, located and verified once."""
        return open_corpus(self.experiment.data, self.progress)

    @cached_property
    def device(self) -> torch.device:
        """Where networks run."""
        return own_device(self.experiment.device)

    @cached_property
    def train_utterances(self) -> list[Utterance]:
        """The training split, loaded once."""
        return self.corpus.split("train", "train", self.progress)


def weights_digest(weights: Path) -> str:
    """SHA-256 of a weights file, as its verified sidecar states it."""
    verify_checksum(weights)
    return sha256_of(weights)
