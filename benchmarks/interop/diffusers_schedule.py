"""Noise schedules in the configurations of diffusers' schedulers (version 0.42).

Every field of every scheduler with betas is in one of the tables below: it is honoured, refused by
name, or told as a field of the sampler. A field that no table has is refused by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.errors import UserError
from benchmarks.core.experiment import LinearSchedule
from benchmarks.core.registry import nearest
from benchmarks.interop.described import described
from benchmarks.interop.numbers import numbers_in

USUAL: dict[str, Any] = {"beta_start": 1e-4, "beta_end": 0.02, "beta_schedule": "linear"}
LATENT: dict[str, Any] = {"beta_start": 0.00085, "beta_end": 0.012}
DEFAULTS: dict[str, dict[str, Any]] = {  # of the classes whose defaults are others
    **dict.fromkeys(
        (
            "DPMSolverSDEScheduler",
            "HeunDiscreteScheduler",
            "KDPM2AncestralDiscreteScheduler",
            "KDPM2DiscreteScheduler",
        ),
        LATENT,
    ),
    **dict.fromkeys(("LCMScheduler", "TCDScheduler"), LATENT | {"beta_schedule": "scaled_linear"}),
    **dict.fromkeys(
        ("CogVideoXDDIMScheduler", "CogVideoXDPMScheduler"),
        LATENT | {"beta_schedule": "scaled_linear", "snr_shift_scale": 3.0},
    ),
}
FLOORED = (  # classes that replace a last alpha of 0 by 2^-12
    "DPMSolverMultistepScheduler",
    "EulerAncestralDiscreteScheduler",
    "EulerDiscreteScheduler",
    "UniPCMultistepScheduler",
)
CLASSES = (
    *DEFAULTS,
    *FLOORED,
    "DDIMInverseScheduler",
    "DDIMParallelScheduler",
    "DDIMScheduler",
    "DDPMParallelScheduler",
    "DDPMScheduler",
    "DEISMultistepScheduler",
    "DPMSolverMultistepInverseScheduler",
    "DPMSolverSinglestepScheduler",
    "LMSDiscreteScheduler",
    "PNDMScheduler",
    "RePaintScheduler",
    "SASolverScheduler",
)
HONOURED = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "rescale_betas_zero_snr",
    "snr_shift_scale",
)
OF_NETWORKS: dict[str, tuple[Any, ...]] = {  # the values of networks that predict the noise alone
    "prediction_type": ("epsilon",),
    "predict_epsilon": (True,),  # of 2022
    "variance_type": (None, "fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log"),
}
OTHER_LEVELS: dict[str, Any] = {  # another value replaces the levels of the betas
    "use_karras_sigmas": False,
    "use_exponential_sigmas": False,
    "use_beta_sigmas": False,
    "use_lu_lambdas": False,
    "use_flow_sigmas": False,
    "use_dynamic_shifting": False,
    "timestep_type": "discrete",
    "timestep_values": None,
    "sigma_min": None,
    "sigma_max": None,
    "shift_terminal": None,
}
OF_SAMPLERS = frozenset(
    [
        "algorithm_type",
        "clip_sample",
        "clip_sample_range",
        "clip_predicted_image",
        "corrector_order",
        "disable_corrector",
        "dynamic_thresholding_ratio",
        "eta",
        "euler_at_final",
        "final_sigmas_type",
        "flow_shift",
        "interpolation_type",
        "lambda_min_clipped",
        "lower_order_final",
        "noise_sampler_seed",
        "original_inference_steps",
        "predict_x0",
        "predictor_order",
        "sample_max_value",
        "set_alpha_to_one",
        "skip_prk_steps",
        "solver_order",
        "solver_p",
        "solver_type",
        "steps_offset",
        "tau_func",
        "tensor_format",
        "thresholding",
        "time_shift_type",
        "timestep_scaling",
        "timestep_spacing",
    ]
)
LAST_SQUARE = 2.0**-24  # alpha_T^2 of the classes in FLOORED


@dataclass(frozen=True)
class Configured:
    """The training schedule that a configuration gives.

    Attributes:
        schedule: the noise schedule.
        notes: sentences on the fields that were not used.
    """

    schedule: NoiseSchedule
    notes: tuple[str, ...]


def is_configuration(content: Mapping[str, Any]) -> bool:
    """Tell whether a dictionary is the configuration of a scheduler of diffusers."""
    told = str(content.get("_class_name", ""))
    return told.endswith("Scheduler") or any(
        name in content for name in ("trained_betas", "beta_schedule", "beta_start")
    )


def configured(place: str, config: Mapping[str, Any], network: bool) -> Configured:
    """Compute the schedule of a configuration, as the scheduler's class would.

    Args:
        place: the file, for messages.
        config: fields of the configuration.
        network: whether a network comes with the schedule.

    Raises:
        UserError: a field is unknown, or has a value that this project cannot honour.
    """
    name = config.get("_class_name", "DDPMScheduler")
    if name not in CLASSES:
        raise UserError(
            f"{place}: the class {name} is not known to have betas{nearest(str(name), CLASSES)}; "
            "give the betas of its training as a list"
        )
    notes = [*_checked(place, config, network)]
    betas = _betas(place, name, config)
    try:
        return Configured(NoiseSchedule(tuple(betas)), tuple(notes))
    except ValueError as error:
        raise UserError(f"{place}: {error}") from error


def linear_training(place: str, config: Mapping[str, Any]) -> tuple[LinearSchedule, Configured]:
    """Training schedule of a network, which an experiment can only have with equal steps of beta.

    Raises:
        UserError: see :func:`configured`; or the betas do not rise linearly.
    """
    found = configured(place, config, network=True)
    betas = found.schedule.betas
    line = torch.linspace(betas[0], betas[-1], len(betas), dtype=torch.float64)
    if not torch.allclose(torch.tensor(betas, dtype=torch.float64), line, rtol=1e-5, atol=0):
        causes = ("trained_betas", "rescale_betas_zero_snr", "snr_shift_scale", "beta_schedule")
        cause = next((one for one in causes if config.get(one)), "its class")
        raise UserError(
            f"{place}: {cause} ({described(config.get(cause))}) gives betas that do not rise "
            "linearly; an experiment's training_schedule can only be linear"
        )
    return LinearSchedule(len(betas), betas[0], betas[-1]), found


def _checked(place: str, config: Mapping[str, Any], network: bool) -> list[str]:
    """Refuse fields that cannot be honoured; return notes on the others."""
    notes, unread = [], []
    for name, value in config.items():
        if name.startswith("_") or name in HONOURED:
            continue
        if name in OF_NETWORKS:
            if value not in OF_NETWORKS[name]:
                told = f"{name} is {value!r}, and this project's networks predict the noise alone"
                if network:
                    raise UserError(f"{place}: {told}; such a network cannot be imported")
                notes.append(f"{told}: the schedule was made for another kind of network")
        elif name in OTHER_LEVELS:
            if value != OTHER_LEVELS[name]:
                raise UserError(
                    f"{place}: {name} is {value!r}, so that the scheduler samples at other levels "
                    f"than its betas have; for the betas, make it {OTHER_LEVELS[name]!r} in a copy"
                )
        elif name in OF_SAMPLERS or value is None or value is False:
            unread.append(f"{name} {described(value)}")
        else:
            known = (*HONOURED, *OF_NETWORKS, *OTHER_LEVELS, *OF_SAMPLERS)
            raise UserError(
                f"{place}: the field {name!r} ({described(value)}) is not known"
                f"{nearest(name, known)}; remove it in a copy, if the betas do not depend on it"
            )
    if unread:
        notes.append(f"fields of diffusers' sampler, not used here: {', '.join(unread)}")
    return notes


def _betas(place: str, name: str, config: Mapping[str, Any]) -> list[float]:
    fields = USUAL | DEFAULTS.get(name, {}) | dict(config)
    shift = fields.get("snr_shift_scale", 1.0)
    if type(shift) not in (int, float) or shift <= 0:
        raise UserError(f"{place}: snr_shift_scale must be a number above 0, not {shift!r}")
    betas = _listed(place, config)
    if betas is None:
        betas = _formula(place, fields)
    zero = fields.get("rescale_betas_zero_snr", False)
    if shift == 1.0 and not zero:
        return betas
    squares = (1 - torch.tensor(betas, dtype=torch.float64)).cumprod(0)
    squares = squares / (shift + (1 - shift) * squares)
    if zero:
        squares = _rescaled(place, name, squares)
    before = torch.cat([squares.new_ones(1), squares[:-1]])
    return (1 - squares / before).tolist()


def _rescaled(place: str, name: str, squares: Tensor) -> Tensor:
    """Let the last alpha be 0 (arXiv 2305.08891, Algorithm 1), or 2^-12 where the class says so."""
    if name not in FLOORED:
        raise UserError(
            f"{place}: rescale_betas_zero_snr makes the last alpha of {name} 0 (beta_"
            f"{len(squares)} = 1), where no noise can be predicted and no schedule of this project "
            f"ends; give betas below 1 as a list, or a class that ends at alpha = 2^-12: "
            f"{', '.join(FLOORED)}"
        )
    levels = squares.sqrt()
    levels = (levels - levels[-1]) * levels[0] / (levels[0] - levels[-1])
    if len(levels) < 2 or float(levels[-2].square()) <= LAST_SQUARE:
        raise UserError(
            f"{place}: rescale_betas_zero_snr lets {name} end at alpha = 2^-12, which is not below "
            "the level of the step before; no betas between 0 and 1 have these levels: give other "
            "betas as a list"
        )
    return torch.cat([levels[:-1].square(), levels.new_tensor([LAST_SQUARE])])


def _listed(place: str, config: Mapping[str, Any]) -> list[float] | None:
    """Betas that stand in the configuration; None: there are none."""
    listed = config.get("trained_betas")
    if listed is None:
        return None
    betas = numbers_in(listed)
    if not betas:
        raise UserError(
            f"{place}: trained_betas must be a list of numbers, not {described(listed)}"
        )
    told = config.get("num_train_timesteps", len(betas))
    if told != len(betas):
        raise UserError(
            f"{place} contradicts itself: num_train_timesteps is {told!r}, and trained_betas has "
            f"{len(betas)} values; correct one of them in a copy"
        )
    return betas


def _formula(place: str, fields: Mapping[str, Any]) -> list[float]:
    count, kind = fields.get("num_train_timesteps", 1000), fields["beta_schedule"]
    start, end = fields["beta_start"], fields["beta_end"]
    if type(count) is not int or count < 1:
        raise UserError(f"{place}: num_train_timesteps must be a number from 1 on, not {count!r}")
    if any(type(beta) not in (int, float) or not 0 < beta < 1 for beta in (start, end)):
        raise UserError(
            f"{place}: beta_start and beta_end must be between 0 and 1, not {start!r} and {end!r}"
        )
    if kind not in FORMULAS:
        raise UserError(
            f"{place}: beta_schedule is {kind!r}, and known are {', '.join(FORMULAS)}; give the "
            "betas as a list trained_betas"
        )
    return FORMULAS[kind](count, start, end)


def _linear(count: int, start: float, end: float) -> list[float]:
    return torch.linspace(start, end, count, dtype=torch.float64).tolist()


def _scaled_linear(count: int, start: float, end: float) -> list[float]:
    return [root**2 for root in _linear(count, math.sqrt(start), math.sqrt(end))]


def _sigmoid(count: int, start: float, end: float) -> list[float]:
    shares = torch.linspace(-6, 6, count, dtype=torch.float64).sigmoid()
    return (shares * (end - start) + start).tolist()


def _cosine(t: float) -> float:
    return math.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2


def _exponential(t: float) -> float:
    return math.exp(-12.0 * t)


def _laplace(t: float) -> float:
    log_snr = -0.5 * math.copysign(1, 0.5 - t) * math.log(1 - 2 * abs(0.5 - t) + 1e-6)
    snr = math.exp(log_snr)
    return math.sqrt(snr / (1 + snr))


def _of_squares(square: Callable[[float], float]) -> Callable[[int, float, float], list[float]]:
    """Betas that follow from alpha^2 as a function of t in [0, 1], capped at 0.999."""

    def betas(count: int, _start: float, _end: float) -> list[float]:
        levels = [square(i / count) for i in range(count + 1)]
        return [min(1 - levels[i + 1] / levels[i], 0.999) for i in range(count)]

    return betas


FORMULAS: dict[str, Callable[[int, float, float], list[float]]] = {
    "linear": _linear,
    "scaled_linear": _scaled_linear,
    "sigmoid": _sigmoid,
    "squaredcos_cap_v2": _of_squares(_cosine),
    "laplace": _of_squares(_laplace),
    "exp": _of_squares(_exponential),
}
"""Values of beta_schedule, as formulas of (T, beta_start, beta_end)."""
