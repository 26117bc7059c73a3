"""Learned noise levels, in the style of LD3 (Tong et al. 2024, arXiv 2405.15506).

The N levels are the only parameters. Training goes through the deterministic solver: N steps of the
student should end where many steps of a teacher end. This version is simpler than the original: the
distance is the mean square, and the student starts from the teacher's own noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from bddm_ref.process import ScoreNet, ddim_kernel
from bddm_ref.sampling import sample
from bddm_ref.schedule import NoiseSchedule
from benchmarks.runtime.found import Found
from benchmarks.runtime.noise import taken
from benchmarks.searches.base import Search, SearchInputs, judged_last

TEACHER_STEPS = 100
BATCH = 8
ITEMS = 32  # noise vectors; the last quarter selects among levels, and trains none
UPDATES = 60
LOOK_EVERY = 10  # updates
LEARNING_RATE = 0.05
SMALLEST_GAP = 1e-3  # smallest share of the range of log-SNR before training


@dataclass(frozen=True)
class LearnedLevels(Search):
    """N levels, trained by Adam on shares of the range of log-SNR (a softmax)."""

    longest: ClassVar[int | None] = 16  # each update runs and differentiates all steps

    def _work(self, inputs: SearchInputs) -> int:
        """Count one part for each update."""
        return UPDATES * len(inputs.config.lengths)

    def _find(self, inputs: SearchInputs) -> dict[int, Found]:
        """The trained levels of each length."""
        lesson = _Lesson.of(inputs)
        found = {length: _learned(inputs, lesson, length) for length in inputs.config.lengths}
        return judged_last(found, inputs)


@dataclass(frozen=True)
class _Lesson:
    """Noise, conditions, and the teacher's samples from both."""

    x_N: Tensor
    condition: Any
    x_0: Tensor

    @classmethod
    def of(cls, inputs: SearchInputs) -> _Lesson:
        x, condition = inputs.examples()
        generator = torch.Generator().manual_seed(inputs.config.seed)
        x_N = torch.randn(ITEMS, *x.shape[1:], generator=generator).to(x.device)
        # Autograd cannot use inference tensors; indexing makes a normal copy.
        condition = taken(condition, torch.arange(ITEMS) % len(x))
        steps = min(TEACHER_STEPS, len(inputs.training))
        teacher = inputs.training.subsequence(steps)
        x_0 = torch.cat(
            [
                sample(inputs.score_net, teacher, ddim_kernel, x_N[rows], taken(condition, rows))
                for rows in torch.arange(ITEMS).split(BATCH)
            ]
        )
        return cls(x_N, condition, x_0)

    def loss(self, score_net: ScoreNet, levels: Tensor, rows: Tensor) -> Tensor:
        """Mean square of the student's distance, divided by the teacher's mean square."""
        x_0 = solved(score_net, levels, self.x_N[rows], taken(self.condition, rows))
        wanted = self.x_0[rows]
        return (x_0 - wanted).square().mean() / wanted.square().mean()


def _learned(inputs: SearchInputs, lesson: _Lesson, length: int) -> NoiseSchedule:
    training, net = inputs.training, inputs.score_net
    high, low = (float(training.log_snrs[end]) for end in (0, -1))
    held_out = torch.arange(ITEMS - ITEMS // 4, ITEMS)
    best: tuple[float, Tensor] | None = None

    def look(levels: Tensor) -> float:
        nonlocal best
        with torch.no_grad():
            parts = [float(lesson.loss(net, levels, rows)) for rows in held_out.split(BATCH)]
        loss = sum(parts) / len(parts)
        if best is None or loss < best[0]:
            best = loss, levels.detach().clone()
        return loss

    starts = [training.subsequence(length, spacing) for spacing in ("linear", "quadratic")]
    starts.append(NoiseSchedule.log_snr(length, high - (high - low) / length, low))
    places = [start.log_snrs for start in starts]
    shares = shares_of(min(places, key=look), high, low).log().requires_grad_()
    optimizer = torch.optim.Adam([shares], lr=LEARNING_RATE)
    source = torch.Generator().manual_seed(inputs.config.seed)
    for update in range(1, UPDATES + 1):
        rows = torch.randperm(ITEMS - ITEMS // 4, generator=source)[:BATCH]
        optimizer.zero_grad()
        with torch.enable_grad():
            lesson.loss(net, levels_of(shares, high, low), rows).backward()
        optimizer.step()
        if update % LOOK_EVERY == 0:
            look(levels_of(shares, high, low))
        inputs.observe()
    assert best is not None
    return NoiseSchedule.from_alphas(torch.sigmoid(best[1]).sqrt())


def levels_of(shares: Tensor, high: float, low: float) -> Tensor:
    """Make N log-SNRs from N unnormalised log shares of the range from ``low`` to ``high``.

    The shares are the N - 1 gaps between neighbours and the gap below ``high``.

    Returns:
        ``(N,)``, data side first, the last at ``low``.
    """
    gaps = (high - low) * torch.softmax(shares, 0)
    return torch.cat([low + gaps[:-1].cumsum(0).flip(0), gaps.new_full((1,), low)])


def shares_of(levels: Tensor, high: float, low: float) -> Tensor:
    """Invert :func:`levels_of`; shares are at least about SMALLEST_GAP: ``(N,)``, sum 1."""
    upward = torch.cat([levels.flip(0), levels.new_full((1,), high)])
    shares = (upward.diff() / (high - low)).clamp(min=SMALLEST_GAP)
    return shares / shares.sum()


def solved(score_net: ScoreNet, levels: Tensor, x_N: Tensor, condition: Any) -> Tensor:
    """Sample by DDIM at log-SNRs ``(N,)``; unlike ``sample``, this can be differentiated."""
    alphas = torch.sigmoid(levels).sqrt().to(x_N.device)
    sigmas = torch.sigmoid(-levels).sqrt().to(x_N.device)
    x = x_N
    for n in range(len(levels) - 1, -1, -1):
        eps = score_net(x, alphas[n].expand(len(x)), condition)
        alpha, sigma = alphas[n].to(x.dtype), sigmas[n].to(x.dtype)
        clean = (x - sigma * eps) / alpha
        x = alphas[n - 1].to(x.dtype) * clean + sigmas[n - 1].to(x.dtype) * eps if n else clean
    return x
