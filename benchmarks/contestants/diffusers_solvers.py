"""Solvers of the library diffusers, on its own levels or on BDDM's searched schedule.

All solvers start from the harness's x_N, predict noise, clip nothing and draw nothing. ``steps``
are network evaluations. The network gets the noise level, never a rounded time step: the level is
sqrt(1 / (1 + sigma^2)) of the solver's sigma, or DDIM's level of the training step that it names.
diffusers keeps betas in float32, which moves alpha^2 by about 1e-7.

DDIM: ``diffusers-ddim`` has the defaults, with "leading" spacing, whose steps start at
(N - 1) (T // N), counted from 0. At 3 of 1000 steps the first is step 666, though x_N is noise.
"trailing" spacing starts at the last training step. The scheduler counts down by T // N, so that
where N does not divide T (as at 7 of 1000) two things may happen. A step may aim one training step
beside the next level, and the last step may leave the noise of the first training step.

Equal steps of log-SNR: the authors of DPM-Solver++ (Lu et al. 2022, arXiv 2211.01095) recommend
them for small images; UniPC (Zhao et al. 2023, arXiv 2302.04867) runs on them, too. The
"exponential sigmas" of diffusers are N levels with both ends of the training schedule among them,
so that the last evaluation finds next to no noise. In the papers N evaluations make N steps, each
evaluated where it begins. ``*-steps`` does the same: it asks for N + 1 levels, and the last step
goes on to the data instead of the first training step's level. Which of the two layouts is nearer
depends on the data, the length and the metric. UniPC has its default order and B(h): with the other
B(h), "bh1", diffusers returns NaN in a step to sigma = 0.

Euler and Heun run on the levels of Karras et al. 2022 (arXiv 2206.00364, Eq. 5, rho = 7). Their
variable is x / alpha; it starts from x_N / alpha_N, so that the network sees x_N.

``bddm-*`` ask whether BDDM's gain is in its schedule or in its kernel. The searched schedule
replaces the training schedule of a scheduler that takes each step. Heun's method makes 2 N - 1
evaluations of N levels, so that ``bddm-heun`` at 7 follows BDDM's schedule of 4 steps. A step of
Euler is a step of DDIM and of DPM-Solver++(1) in another variable: ``bddm-euler`` is ``bddm-ddim``
as diffusers computes it.
"""

from __future__ import annotations

import copy
import importlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any, ClassVar

import torch
from torch import Tensor

from bddm_ref.levels import embed_levels, evaluate_at, level_of
from bddm_ref.process import ScoreNet
from bddm_ref.schedule import NoiseSchedule
from benchmarks.contestants.base import (
    Contestant,
    ContestantInputs,
    Sampler,
    SkipContestantError,
    check_two_ends,
)
from benchmarks.core.experiment import TUNED, SearchName
from benchmarks.core.rows import Role


@dataclass(frozen=True)
class DiffusersSolver:
    """A deterministic scheduler of diffusers with some options.

    Attributes:
        title: name in tables.
        scheduler: name of the scheduler's class.
        options: options of the class; all others keep their defaults.
        twice: whether each step but the last takes two evaluations.
        begins: whether N + 1 levels are asked for, the last of which is not evaluated.
        search: the search whose schedule of this length replaces the training schedule.
        role: the contestant's role: BDDM or a rival.
    """

    title: str
    scheduler: str
    options: Mapping[str, Any]
    twice: bool = False
    begins: bool = False
    search: SearchName | None = None
    role: Role = "rival"

    compared: ClassVar[bool] = False

    def prepare(self, steps: int, inputs: ContestantInputs) -> Sampler:
        """Make the sampler of the scheduler, with its levels set."""
        count = self._count(steps)
        schedule = inputs.found(self.search, count).schedule if self.search else inputs.training
        if count > len(schedule):
            raise SkipContestantError(f"the training schedule has only {len(schedule)} steps")
        library = _library()
        options = {
            "num_train_timesteps": len(schedule),
            "trained_betas": list(schedule.betas),
            **self.options,
        }
        with warnings.catch_warnings():
            # NumPy 2 warns about torch's conversion to arrays, which still works.
            warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
            scheduler = getattr(library, self.scheduler)(**options)
            scheduler.set_timesteps(count + self.begins)
            if self.begins:
                _skip_the_last_level(scheduler)
        levels = _levels(scheduler)
        if len(levels) != steps:  # rounding: 62 for 61 of 1000, the last of them step -1
            raise SkipContestantError(f"its spacing gives {len(levels)} levels for {steps} steps")
        recipe = {
            "scheduler": self.scheduler,
            "diffusers": library.__version__,
            "options": options,
            "levels": levels.tolist(),
            "betas": list(NoiseSchedule.from_alphas(levels.unique().flip(0)).betas),
        }
        return Sampler(partial(_run, scheduler, levels), steps, recipe)

    def _count(self, steps: int) -> int:
        """Number of scheduler steps that take ``steps`` evaluations."""
        if self.twice and steps % 2 == 0:
            raise SkipContestantError(
                f"two evaluations in each step but the last make an odd number, not {steps}"
            )
        count = (steps + 1) // 2 if self.twice else steps
        two_ends = {"use_karras_sigmas", "use_exponential_sigmas"} & self.options.keys()
        if two_ends and not self.begins:
            check_two_ends(count)
        return count


def _library() -> ModuleType:
    try:
        return importlib.import_module("diffusers")
    except ImportError as error:
        raise SkipContestantError(
            "it needs the package diffusers: pip install 'bddm-benchmark[diffusers]'"
        ) from error


def _skip_the_last_level(scheduler: Any) -> None:
    """Remove the last level: the step from the level before then goes to sigma = 0."""
    scheduler.sigmas = torch.cat([scheduler.sigmas[:-2], scheduler.sigmas[-1:]])
    scheduler.timesteps = scheduler.timesteps[:-1]
    scheduler.num_inference_steps = len(scheduler.timesteps)


def _levels(scheduler: Any) -> Tensor:
    """Levels of the network evaluations, in order, float64."""
    if hasattr(scheduler, "sigmas"):
        sigmas: Tensor = scheduler.sigmas[:-1].double()
        return (1 + sigmas.square()).rsqrt()
    squares: Tensor = torch.cumprod(1 - scheduler.betas, 0)[scheduler.timesteps]
    return squares.double().sqrt()


@torch.no_grad()
def _run(
    prepared: Any,
    levels: Tensor,
    score_net: ScoreNet,
    x_N: Tensor,
    condition: Any,
    generators: Sequence[torch.Generator],
) -> Tensor:
    scheduler = copy.deepcopy(prepared)  # schedulers store earlier predictions
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(0)  # a look-up by time step fails if a step occurs twice
    first = scheduler.timesteps[0]
    x: Tensor = x_N / scheduler.scale_model_input(torch.ones(()), first)  # divisor: alpha, or 1
    embedded = embed_levels(score_net, levels.to(x.device))
    for n, t in enumerate(scheduler.timesteps):
        seen = scheduler.scale_model_input(x, t)
        eps = evaluate_at(score_net, seen, level_of(embedded, n), condition)
        x = scheduler.step(eps, t, x, return_dict=False)[0]
    return x


ALL_STEPS = {"timestep_spacing": "trailing"}  # takes each step of a schedule of N steps
LOG_SNR = {"use_exponential_sigmas": True}
KARRAS = {"use_karras_sigmas": True}

DIFFUSERS: dict[str, Contestant] = {
    "diffusers-ddim": DiffusersSolver(
        "DDIM of diffusers, its defaults", "DDIMScheduler", {"clip_sample": False}
    ),
    "diffusers-ddim-trailing": DiffusersSolver(
        "DDIM of diffusers, trailing",
        "DDIMScheduler",
        {"clip_sample": False, "timestep_spacing": "trailing"},
    ),
    "dpmpp-1": DiffusersSolver(
        "DPM-Solver++(1), N levels",
        "DPMSolverMultistepScheduler",
        {"solver_order": 1, **LOG_SNR},
    ),
    "dpmpp-2m": DiffusersSolver(
        "DPM-Solver++(2M), N levels", "DPMSolverMultistepScheduler", LOG_SNR
    ),
    "dpmpp-2m-steps": DiffusersSolver(
        "DPM-Solver++(2M), N steps", "DPMSolverMultistepScheduler", LOG_SNR, begins=True
    ),
    "unipc": DiffusersSolver("UniPC-2, N levels", "UniPCMultistepScheduler", LOG_SNR),
    "unipc-steps": DiffusersSolver(
        "UniPC-2, N steps", "UniPCMultistepScheduler", LOG_SNR, begins=True
    ),
    "euler-karras": DiffusersSolver("Euler, Karras levels", "EulerDiscreteScheduler", KARRAS),
    "heun-karras": DiffusersSolver(
        "Heun, Karras levels", "HeunDiscreteScheduler", KARRAS, twice=True
    ),
    "bddm-dpmpp-2m": DiffusersSolver(
        "BDDM's schedule, DPM-Solver++(2M)",
        "DPMSolverMultistepScheduler",
        ALL_STEPS,
        search=TUNED,
        role="bddm",
    ),
    "bddm-unipc": DiffusersSolver(
        "BDDM's schedule, UniPC-2", "UniPCMultistepScheduler", ALL_STEPS, search=TUNED, role="bddm"
    ),
    "bddm-euler": DiffusersSolver(
        "BDDM's schedule, Euler", "EulerDiscreteScheduler", ALL_STEPS, search=TUNED, role="bddm"
    ),
    "bddm-heun": DiffusersSolver(
        "BDDM's schedule, Heun",
        "HeunDiscreteScheduler",
        ALL_STEPS,
        twice=True,
        search=TUNED,
        role="bddm",
    ),
}
