"""A judge of schedules by PESQ and STOI of validation clips."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bddm_ref.process import KERNELS
from bddm_ref.sampling import sample
from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.experiment import SearchConfig
from benchmarks.data.clips import Clip
from benchmarks.data.features import SAMPLE_RATE
from benchmarks.runtime.noise import EvaluatedNet, item_generators, part_of, start_noise, taken
from metrics.items import ItemScore
from metrics.pcm import as_pcm16
from metrics.scoring import score_items
from metrics.workers import Workers

METRICS = ("pesq_wb_lqo", "stoi")
PESQ_RANGE = (1.04, 4.644)  # lowest wide-band PESQ (LQO), and that of identical signals


@dataclass(frozen=True)
class Bench:
    """Clips with their conditions."""

    clips: Sequence[Clip]
    condition: object


class ClipJudge:
    """Score a schedule by sampling validation clips with the DDPM kernel.

    The scores are wide-band PESQ on a scale from 0 to 1, and STOI: two numbers of comparable
    size, whose sum ranks candidates. If a metric cannot score one of the sampled clips, both scores
    are NaN: the candidate has failed, and ranks below all others. `failures` counts the reasons.

    Args:
        evaluated: the score network as the process in this convention evaluates it.
        encode: computes the conditions of clips.
        clips: validation clips that can be scored against themselves. Trials 1 and 2 use all but
            the first ``judge_items``, other trials use those.
        config: the search, with the counts of clips and the seed of the noise.
        amplitude: the convention's amplitude.
        device: the device that networks run on.
        workers: processes that score clips.

    Attributes:
        failures: the reason of each judgement that failed, with its number.
    """

    def __init__(
        self,
        evaluated: EvaluatedNet,
        encode: Callable[[Sequence[Clip]], Any],
        clips: Sequence[Clip],
        config: SearchConfig,
        amplitude: float,
        device: torch.device,
        workers: Workers,
    ) -> None:
        self.failures = Counter[str]()
        self._workers = workers
        self._evaluated = evaluated
        self._amplitude = amplitude
        self._seed = config.seed
        self._device = device
        few = config.judge_items
        self.first, self.second = (Bench(part, encode(part)) for part in (clips[:few], clips[few:]))

    def __call__(
        self, schedule: NoiseSchedule, trial: int, part: tuple[float, float] = (0.0, 1.0), /
    ) -> tuple[float, ...]:
        """Judge a schedule; returns (PESQ share, STOI), means over the clips of the trial."""
        bench = self.second if trial in (1, 2) else self.first
        items = part_of(len(bench.clips), part)
        # Items beyond the clips are the clips again, with other noise.
        rows = [item % len(bench.clips) for item in items]
        clips = [bench.clips[row] for row in rows]
        condition = taken(bench.condition, torch.tensor(rows))
        generators = item_generators(self._seed + trial, items)
        x_N = start_noise(generators, clips[0].waveform.shape, self._device)
        x_0 = sample(self._evaluated, schedule, KERNELS["ddpm"], x_N, condition, generators)
        outputs = list((x_0 / self._amplitude).cpu().numpy())
        scored = judged_clips(outputs, clips, self._workers)
        if (reason := next(filter(None, map(reason_of, scored)), None)) is not None:
            self.failures[reason] += 1
            return math.nan, math.nan
        low, high = PESQ_RANGE
        pesq = [(item["pesq_wb_lqo"].value - low) / (high - low) for item in scored]
        return float(np.mean(pesq)), float(np.mean([item["stoi"].value for item in scored]))


def judged_clips(
    outputs: Sequence[NDArray[Any]], clips: Sequence[Clip], workers: Workers
) -> list[dict[str, ItemScore]]:
    """Score outputs ``(L,)``, rounded to 16 bit, against their clips by the judge's metrics."""
    clean = [clip.waveform.numpy() for clip in clips]
    heard = [as_pcm16(output)[0] for output in outputs]
    return score_items(METRICS, heard, clean, SAMPLE_RATE, pool=workers)


def reason_of(scores: Mapping[str, ItemScore]) -> str | None:
    """Name the first metric that could not score a clip, with its reason; None: all could."""
    failed = (f"{name}: {score.reason}" for name, score in scores.items() if score.reason)
    return next(failed, None)
