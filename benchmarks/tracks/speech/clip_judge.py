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
from benchmarks.data.clips import Clip
from benchmarks.data.features import SAMPLE_RATE
from benchmarks.runtime.noise import EvaluatedNet, item_generators, part_of, start_noise, taken
from metrics.items import ItemScore
from metrics.pcm import as_pcm16
from metrics.scoring import score_items
from metrics.workers import Workers

PESQ_RANGE = (1.04, 4.644)  # lowest wide-band PESQ (LQO), and that of identical signals


@dataclass(frozen=True)
class Measures:
    """The two metrics that a judge scores by.

    Attributes:
        metrics: keys of the metrics, PESQ first.
        titles: the scores' titles.
        pesq_range: values of PESQ that become 0 and 1.
    """

    metrics: tuple[str, str]
    titles: tuple[str, str]
    pesq_range: tuple[float, float] = (0.0, 1.0)


OURS = Measures(("pesq_wb_lqo", "stoi"), ("pesq_wb_lqo, 0 to 1", "stoi"), PESQ_RANGE)
RELEASED = Measures(("pesq_nb_raw", "stoi"), ("pesq_nb_raw", "stoi"))  # of the released code
METRICS = tuple(dict.fromkeys(OURS.metrics + RELEASED.metrics))
# Losses of 0.1 in PESQ and of 0.01 in STOI together still count as good.
AS_GOOD = 0.1 / (PESQ_RANGE[1] - PESQ_RANGE[0]) + 0.01


@dataclass(frozen=True)
class Bench:
    """Clips with their conditions."""

    clips: Sequence[Clip]
    condition: object


@dataclass(frozen=True)
class Benches:
    """The clips of a judge, and what it takes to score them.

    Attributes:
        first: clips that judge all candidates.
        second: clips of trials 1 and 2.
        amplitude: the convention's amplitude.
        workers: processes that score clips.
    """

    first: Bench
    second: Bench
    amplitude: float
    workers: Workers

    @classmethod
    def of(
        cls,
        clips: Sequence[Clip],
        encode: Callable[[Sequence[Clip]], Any],
        few: int,
        amplitude: float,
        workers: Workers,
    ) -> Benches:
        """Divide clips after the first ``few``, and encode their conditions."""
        parts = (clips[:few], clips[few:])
        first, second = (Bench(part, encode(part)) for part in parts)
        return cls(first, second, amplitude, workers)


class ClipJudge:
    """Score a schedule by sampling validation clips with the DDPM kernel.

    The scores are PESQ and STOI. Ours are wide-band PESQ on a scale from 0 to 1 and STOI, two
    numbers of comparable size, whose sum ranks candidates. If a metric cannot score one of the
    sampled clips, both scores are NaN: the candidate has failed, and ranks below all others.

    Args:
        evaluated: the score network as the process in this convention evaluates it.
        benches: validation clips that can be scored against themselves.
        seed: the seed of the noise.
        measures: the metrics.
        device: the device that networks run on.
        failures: counter of the reasons of judgements that failed.

    Attributes:
        benches: the clips.
        failures: the reason of each judgement that failed, with its number.
    """

    def __init__(
        self,
        evaluated: EvaluatedNet,
        benches: Benches,
        seed: int,
        measures: Measures,
        device: torch.device,
        failures: Counter[str],
    ) -> None:
        self.failures = failures
        self._evaluated = evaluated
        self.benches = benches
        self._seed = seed
        self._measures = measures
        self._device = device

    def __call__(
        self, schedule: NoiseSchedule, trial: int, part: tuple[float, float] = (0.0, 1.0), /
    ) -> tuple[float, ...]:
        """Judge a schedule; returns (PESQ, STOI), means over the clips of the trial."""
        bench = self.benches.second if trial in (1, 2) else self.benches.first
        items = part_of(len(bench.clips), part)
        # Items beyond the clips are the clips again, with other noise.
        rows = [item % len(bench.clips) for item in items]
        clips = [bench.clips[row] for row in rows]
        condition = taken(bench.condition, torch.tensor(rows))
        generators = item_generators(self._seed + trial, items)
        x_N = start_noise(generators, clips[0].waveform.shape, self._device)
        x_0 = sample(self._evaluated, schedule, KERNELS["ddpm"], x_N, condition, generators)
        outputs = list((x_0 / self.benches.amplitude).cpu().numpy())
        scored = judged_clips(outputs, clips, self._measures.metrics, self.benches.workers)
        if (reason := next(filter(None, map(reason_of, scored)), None)) is not None:
            self.failures[reason] += 1
            return math.nan, math.nan
        low, high = self._measures.pesq_range
        of_pesq, of_stoi = self._measures.metrics
        pesq = [(item[of_pesq].value - low) / (high - low) for item in scored]
        return float(np.mean(pesq)), float(np.mean([item[of_stoi].value for item in scored]))


def judged_clips(
    outputs: Sequence[NDArray[Any]],
    clips: Sequence[Clip],
    metrics: Sequence[str],
    workers: Workers,
) -> list[dict[str, ItemScore]]:
    """Score outputs ``(L,)``, rounded to 16 bit, against their clips."""
    clean = [clip.waveform.numpy() for clip in clips]
    heard = [as_pcm16(output)[0] for output in outputs]
    return score_items(metrics, heard, clean, SAMPLE_RATE, pool=workers)


def reason_of(scores: Mapping[str, ItemScore]) -> str | None:
    """Name the first metric that could not score a clip, with its reason; None: all could."""
    failed = (f"{name}: {score.reason}" for name, score in scores.items() if score.reason)
    return next(failed, None)
