"""A judge of schedules by PESQ and STOI of validation clips."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from bddm_ref.process import KERNELS
from bddm_ref.sampling import sample
from bddm_ref.schedule import NoiseSchedule
from benchmarks.data.clips import Clip
from benchmarks.data.features import SAMPLE_RATE
from benchmarks.runtime.noise import EvaluatedNet, item_generators, part_of, start_noise, taken
from metrics.scoring import score_items

PESQ_RANGE = (1.04, 4.644)  # lowest wide-band PESQ (LQO), and that of identical signals


@dataclass(frozen=True)
class Bench:
    """Clips with their conditions."""

    clips: Sequence[Clip]
    condition: object


class ClipJudge:
    """Score a schedule by sampling validation clips with the DDPM kernel.

    The scores are wide-band PESQ on a scale from 0 to 1, and STOI: two numbers of comparable
    size, whose sum ranks candidates. A clip that cannot be scored counts 0 on both.

    Args:
        evaluated: the score network as the process in this convention evaluates it.
        encode: computes the conditions of clips.
        clips: the validation clips; trials 1 and 2 use all but the first ``few``, other trials
            use the first ``few``.
        few: number of clips of the first judgement.
        amplitude: the convention's amplitude.
        seed: seed of the noise.
        device: the device that networks run on.
    """

    def __init__(
        self,
        evaluated: EvaluatedNet,
        encode: Callable[[Sequence[Clip]], Any],
        clips: Sequence[Clip],
        few: int,
        amplitude: float,
        seed: int,
        device: torch.device,
    ) -> None:
        self._evaluated = evaluated
        self._amplitude = amplitude
        self._seed = seed
        self._device = device
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
        scored = score_items(
            ("pesq_wb_lqo", "stoi"),
            list((x_0 / self._amplitude).cpu().numpy()),
            [clip.waveform.numpy() for clip in clips],
            SAMPLE_RATE,
            workers=1,
        )
        low, high = PESQ_RANGE
        pesq = [_or_zero((item["pesq_wb_lqo"].value - low) / (high - low)) for item in scored]
        stoi = [_or_zero(item["stoi"].value) for item in scored]
        return float(np.mean(pesq)), float(np.mean(stoi))


def _or_zero(value: float) -> float:
    return 0.0 if math.isnan(value) else value
