"""The judge part of the speech track: PESQ and STOI on clips of the validation split."""

from __future__ import annotations

import random
from collections import Counter
from functools import cached_property, partial

import torch
from torch import nn

from benchmarks.core.experiment import Convention, Experiment, SearchConfig
from benchmarks.data.features import HOP
from benchmarks.runtime.noise import EvaluatedNet
from benchmarks.runtime.progress import Progress
from benchmarks.runtime.workspace import Workspace
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

        return tuple(SPEECH_METRICS[name] for name in ("pesq_wb_lqo", "pesq_nb_raw", "stoi"))

    def check_items(self, workspace: Workspace, progress: Progress) -> None:
        """Name the validation clips that the judge leaves out, and see that enough are left.

        Raises:
            ExperimentError: too few validation clips can be scored against themselves.
            ModuleNotFoundError: the packages of the metrics are not installed.
        """
        # Its packages are not where a bundle's run is.
        from benchmarks.tracks.speech.judged_clips import left_out  # noqa: PLC0415

        self.__dict__["_left_out"] = left_out(self._experiment, self._recordings, workspace)
        for name, reason in self._left_out.items():
            progress.say(f"search: the validation clip {name} is left out: {reason}")

    @cached_property
    def _left_out(self) -> dict[str, str]:
        from benchmarks.tracks.speech.judged_clips import unjudged  # noqa: PLC0415

        return unjudged(self._experiment, self._recordings)

    def problem(
        self,
        score_net: nn.Module,
        evaluated: EvaluatedNet,
        convention: Convention,
        config: SearchConfig,
    ) -> SearchProblem:
        """Judge by PESQ and STOI of clips that the search's seed chooses.

        Raises:
            ExperimentError: too few validation clips can be scored against themselves.
            ModuleNotFoundError: the packages of the metrics are not installed.
        """
        from benchmarks.tracks.speech.clip_judge import (  # noqa: PLC0415
            AS_GOOD,
            OURS,
            RELEASED,
            Benches,
            ClipJudge,
        )
        from benchmarks.tracks.speech.workers import scoring_workers  # noqa: PLC0415

        every = self._recordings.every_valid_clip
        usable = [clip for clip in every if clip.name not in self._left_out]
        random.Random(config.seed).shuffle(usable)
        clips = usable[: self._recordings.judged_count]
        encode = partial(self._items.encoded, score_net)
        workers = scoring_workers(self._experiment.threads)
        benches = Benches.of(clips, encode, config.judge_items, convention.amplitude, workers)
        failures = Counter[str]()
        judge, released = (
            ClipJudge(evaluated, benches, config.seed, measures, self._device, failures)
            for measures in (OURS, RELEASED)
        )
        return SearchProblem(
            judge,
            (config.clip_frames * HOP,),
            encode(clips[: config.pass_items]),
            OURS.titles,
            failures,
            lambda quality: AS_GOOD,
            (released, RELEASED.titles),
        )
