"""The judge part of the speech track: PESQ and STOI on clips of the validation split."""

from __future__ import annotations

import torch
from torch import nn

from benchmarks.core.experiment import Convention, Experiment
from benchmarks.data.features import HOP
from benchmarks.runtime.noise import EvaluatedNet
from benchmarks.searches.base import SearchProblem
from benchmarks.tracks.parts import Judge
from benchmarks.tracks.speech.data import Recordings
from benchmarks.tracks.speech.items import SpeechItems


class SpeechJudge(Judge):
    """Search problems on validation clips.

    Args:
        experiment: the experiment, with counts of clips and seed of the search.
        device: the device that networks run on.
        recordings: the data.
        items: encodes the conditions of clips.
    """

    def __init__(
        self,
        experiment: Experiment,
        device: torch.device,
        recordings: Recordings,
        items: SpeechItems,
    ) -> None:
        self._experiment = experiment
        self._device = device
        self._recordings = recordings
        self._items = items

    @property
    def looked_up(self) -> tuple[type, ...]:
        """The metrics of the judge.

        Raises:
            ModuleNotFoundError: the packages of the metrics are not installed.
        """
        from metrics.speech import SPEECH_METRICS  # noqa: PLC0415

        return SPEECH_METRICS["pesq_wb_lqo"], SPEECH_METRICS["stoi"]

    def problem(
        self, score_net: nn.Module, evaluated: EvaluatedNet, convention: Convention
    ) -> SearchProblem:
        """Judge by PESQ and STOI.

        Raises:
            ModuleNotFoundError: the packages of the metrics are not installed.
        """
        # Its packages are not where a bundle's run is.
        from benchmarks.tracks.speech.clip_judge import ClipJudge  # noqa: PLC0415

        config, clips = self._experiment.search, self._recordings.valid_clips
        judge = ClipJudge(
            evaluated,
            lambda part: self._items.encoded(score_net, part),
            clips,
            config.judge_items,
            convention.amplitude,
            config.seed,
            self._device,
        )
        return SearchProblem(
            judge,
            (config.clip_frames * HOP,),
            self._items.encoded(score_net, clips[: config.pass_items]),
            ("pesq_wb_lqo, 0 to 1", "stoi"),
        )
