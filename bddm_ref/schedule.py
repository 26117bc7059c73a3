"""Noise schedules of diffusion processes, long or short.

One notation throughout (the papers' own, arXiv 2203.13508 section 2):

=========================  ====================================================
``betas``                  beta_n, the noise added by one step
``alphas``                 alpha_n = prod sqrt(1 - beta_i): DDPM's sqrt(alpha-bar)
``deltas``                 delta_n = 1 - alpha_n^2, the noise *variance*
``sigmas``                 standard deviation of one reverse step
=========================  ====================================================

Arrays run from the data (index 0) to the noise (index -1) and are float64. The paper's step
``n = 1 .. N`` is index ``n - 1``.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True)
class NoiseSchedule:
    """A noise schedule beta_1 .. beta_N, immutable and hashable.

    Args:
        betas: ``N`` values in (0, 1), data side first.

    Raises:
        ValueError: no step at all, or a beta outside (0, 1).

    >>> schedule = NoiseSchedule((0.19, 0.36))
    >>> schedule.alphas.tolist()
    [0.9, 0.7200000000000001]
    """

    betas: tuple[float, ...]

    def __post_init__(self) -> None:
        betas = tuple(float(beta) for beta in self.betas)
        if not betas:
            raise ValueError("a noise schedule needs at least one beta")
        for n, beta in enumerate(betas, start=1):
            if not 0.0 < beta < 1.0:
                raise ValueError(f"beta_{n} = {beta} of a noise schedule must lie between 0 and 1")
        object.__setattr__(self, "betas", betas)

    def __len__(self) -> int:
        return len(self.betas)

    @cached_property
    def alphas(self) -> Tensor:
        """Signal scales ``(N,)``: BDDM's alpha, DDPM's sqrt(alpha-bar)."""
        betas = torch.tensor(self.betas, dtype=torch.float64)
        return torch.sqrt(1.0 - betas).cumprod(0)

    @cached_property
    def deltas(self) -> Tensor:
        """Noise variances 1 - alpha^2, ``(N,)``, computed without cancellation near the data."""
        betas = torch.tensor(self.betas, dtype=torch.float64)
        return -torch.expm1(torch.log1p(-betas).cumsum(0))

    @property
    def log_snrs(self) -> Tensor:
        """Log signal-to-noise ratios log(alpha^2 / delta) in nats, ``(N,)``."""
        return torch.logit(self.alphas.square())

    @cached_property
    def sigmas(self) -> Tensor:
        """Standard deviations of the DDPM reverse steps, ``(N,)``.

        The first is 0: the step to the data adds no noise (arXiv 2203.13508, Eq. 4).
        """
        betas = torch.tensor(self.betas, dtype=torch.float64)
        before = torch.cat([betas.new_zeros(1), self.deltas[:-1]])
        return torch.sqrt(before / self.deltas * betas)

    # -- families ---------------------------------------------------------------------------

    @classmethod
    def linear(cls, T: int, start: float, end: float) -> NoiseSchedule:
        """Space betas equally from ``start`` to ``end`` (Ho et al. 2020, section 4)."""
        return cls(tuple(torch.linspace(start, end, T, dtype=torch.float64).tolist()))

    @classmethod
    def quadratic(cls, T: int, start: float, end: float) -> NoiseSchedule:
        """Space the square roots of the betas equally (Ho et al. 2020, released code)."""
        roots = torch.linspace(math.sqrt(start), math.sqrt(end), T, dtype=torch.float64)
        return cls(tuple((roots**2).tolist()))

    @classmethod
    def cosine(cls, T: int, offset: float = 0.008, largest: float = 0.999) -> NoiseSchedule:
        """Let alpha^2 fall as a squared cosine (Nichol & Dhariwal 2021, Eq. 17)."""
        angles = (torch.linspace(0, 1, T + 1, dtype=torch.float64) + offset) / (1 + offset)
        squares = torch.cos(angles * math.pi / 2) ** 2
        return cls(tuple((1 - squares[1:] / squares[:-1]).clamp(max=largest).tolist()))

    @classmethod
    def log_snr(cls, T: int, highest: float, lowest: float) -> NoiseSchedule:
        """Space log(alpha^2 / delta) equally; ``highest``, in nats, is nearest the data."""
        snr = torch.linspace(highest, lowest, T, dtype=torch.float64)
        return cls.from_alphas(torch.sigmoid(snr).sqrt())

    @classmethod
    def from_alphas(cls, alphas: Tensor) -> NoiseSchedule:
        """Make the schedule through given levels: beta_n = 1 - (alpha_n / alpha_{n-1})^2.

        Args:
            alphas: shape ``(N,)``, falling strictly, all below 1.
        """
        levels = alphas.to(torch.float64)
        before = torch.cat([levels.new_ones(1), levels[:-1]])
        return cls(tuple((1.0 - (levels / before) ** 2).tolist()))

    def subsequence(self, N: int, spacing: str = "linear") -> NoiseSchedule:
        """Keep N levels, the noisiest included, and recompute their betas.

        ``linear`` takes steps T/N, 2T/N, .. T; ``quadratic`` takes them at the squares of equal
        steps, denser near the data (Song et al. 2021, appendix D.2). ``both-ends`` takes steps 1 to
        T, rounded down, as DDIM in the released code of arXiv 2203.13508 does.

        Raises:
            ValueError: N is not in 1..T (2..T for both ends), or the spacing is unknown.
        """
        T = len(self)
        if spacing not in ("linear", "quadratic", "both-ends"):
            raise ValueError(f"spacing {spacing!r} is none of 'linear', 'quadratic', 'both-ends'")
        least = 2 if spacing == "both-ends" else 1
        if not least <= N <= T:
            raise ValueError(
                f"a {spacing} sub-sequence of {T} steps has {least} to {T} steps, not {N}"
            )
        if spacing == "both-ends":
            return self.from_alphas(self.alphas[torch.arange(N) * (T - 1) // (N - 1)])
        power = 1 if spacing == "linear" else 2
        wanted = torch.arange(1, N + 1, dtype=torch.float64).div(N).pow(power).mul(T).round() - 1
        # Rounding may merge neighbours near the data; push them apart, never past T - 1.
        index = torch.maximum(wanted.long(), torch.arange(N))
        return self.from_alphas(self.alphas[index])

    # -- levels and steps -------------------------------------------------------------------

    def contains(self, alpha: float) -> bool:
        """Tell whether ``alpha`` lies within the levels of this schedule."""
        return float(self.alphas[-1]) <= alpha <= float(self.alphas[0])

    def step_of(self, alphas: Tensor) -> Tensor:
        """Map noise levels to fractional 0-based steps, linear in alpha between neighbours.

        This is DiffWave's fast-sampling map (Kong et al. 2021, appendix B). It lets a network
        trained on integer steps take any level. Levels outside the schedule are clamped to its
        ends; :meth:`contains` detects them.

        Args:
            alphas: noise levels, any shape.

        Returns:
            Steps in ``[0, T - 1]``, same shape, float64.
        """
        if len(self) == 1:
            return torch.zeros_like(alphas, dtype=torch.float64)
        levels = self.alphas.flip(0).to(alphas.device)
        wanted = alphas.to(torch.float64).clamp(levels[0], levels[-1])
        above = torch.searchsorted(levels, wanted).clamp(1, len(self) - 1)
        low, high = levels[above - 1], levels[above]
        return len(self) - 1 - (above - 1 + (wanted - low) / (high - low))

    def level_at(self, steps: Tensor) -> Tensor:
        """Map fractional 0-based steps to noise levels: the inverse of :meth:`step_of`."""
        alphas = self.alphas.to(steps.device)
        below = steps.long().clamp(0, max(len(self) - 2, 0))
        low, high = alphas[below], alphas[(below + 1).clamp(max=len(self) - 1)]
        return low + (steps.to(torch.float64) - below) * (high - low)

    # -- files ------------------------------------------------------------------------------

    def to_json(self) -> str:
        """Write the betas as JSON; float64 values survive a round trip unchanged."""
        return json.dumps({"betas": self.betas, "order": "index 0 is the step nearest the data"})

    @classmethod
    def from_json(cls, text: str) -> NoiseSchedule:
        """Read a schedule from the JSON of :meth:`to_json`.

        Raises:
            ValueError: the text is not JSON, or holds no usable list ``betas``.
        """
        try:
            return cls(tuple(json.loads(text)["betas"]))
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise ValueError(f"not a noise schedule in JSON (a list 'betas'): {error}") from error
