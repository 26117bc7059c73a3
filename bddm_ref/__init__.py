"""BDDM as code: the papers' equations and algorithms, in torch alone.

>>> from bddm_ref import KERNELS, NoiseSchedule, sample

Every public name is loaded when it is first asked for. Importing :mod:`bddm_ref.settings` or
:mod:`bddm_ref.files` therefore imports no torch. No module has the name of a public function:
``search`` stands in :mod:`bddm_ref.searching`, ``elbo`` in :mod:`bddm_ref.elbo_bound` and
``bilateral`` in :mod:`bddm_ref.bilateral_bound`. An import of a module therefore never replaces a
function.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bddm_ref.bilateral_bound import Bilateral, bilateral
    from bddm_ref.checkpoint import load_weights, save_weights
    from bddm_ref.elbo_bound import Elbo, elbo, expected_elbo
    from bddm_ref.losses import (
        junction_beta,
        next_beta,
        optimal_ratio,
        schedule_loss,
        score_loss,
        step_loss,
    )
    from bddm_ref.networks.diffwave import DiffWave, DiffWaveConfig
    from bddm_ref.networks.galr import GALR, GALRConfig
    from bddm_ref.networks.unet import UNet, UNetConfig
    from bddm_ref.networks.vgg11 import VGG11Ratio
    from bddm_ref.process import (
        KERNELS,
        Coefficients,
        Kernel,
        ScoreNet,
        ddim_kernel,
        ddpm_kernel,
        q_sample,
        reverse_step,
        reverse_steps,
    )
    from bddm_ref.sampling import sample
    from bddm_ref.schedule import NoiseSchedule
    from bddm_ref.scheduling import Start, schedule_betas, starts
    from bddm_ref.search_released import released_search
    from bddm_ref.searching import Candidate, Judge, SearchPlan, search
    from bddm_ref.settings import StepLossForm, TrainingConfig
    from bddm_ref.training import train

_HOMES: dict[str, tuple[str, ...]] = {
    "bddm_ref.bilateral_bound": (
        "Bilateral",
        "bilateral",
    ),
    "bddm_ref.checkpoint": (
        "load_weights",
        "save_weights",
    ),
    "bddm_ref.elbo_bound": (
        "Elbo",
        "elbo",
        "expected_elbo",
    ),
    "bddm_ref.losses": (
        "junction_beta",
        "next_beta",
        "optimal_ratio",
        "schedule_loss",
        "score_loss",
        "step_loss",
    ),
    "bddm_ref.networks.diffwave": (
        "DiffWave",
        "DiffWaveConfig",
    ),
    "bddm_ref.networks.galr": (
        "GALR",
        "GALRConfig",
    ),
    "bddm_ref.networks.unet": (
        "UNet",
        "UNetConfig",
    ),
    "bddm_ref.networks.vgg11": ("VGG11Ratio",),
    "bddm_ref.process": (
        "KERNELS",
        "Coefficients",
        "Kernel",
        "ddim_kernel",
        "ddpm_kernel",
        "q_sample",
        "reverse_step",
        "reverse_steps",
    ),
    "bddm_ref.sampling": (
        "ScoreNet",
        "sample",
    ),
    "bddm_ref.schedule": ("NoiseSchedule",),
    "bddm_ref.scheduling": (
        "Start",
        "schedule_betas",
        "starts",
    ),
    "bddm_ref.search_released": ("released_search",),
    "bddm_ref.searching": (
        "Candidate",
        "Judge",
        "SearchPlan",
        "search",
    ),
    "bddm_ref.settings": (
        "StepLossForm",
        "TrainingConfig",
    ),
    "bddm_ref.training": ("train",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "GALR",
    "KERNELS",
    "Bilateral",
    "Candidate",
    "Coefficients",
    "DiffWave",
    "DiffWaveConfig",
    "Elbo",
    "GALRConfig",
    "Judge",
    "Kernel",
    "NoiseSchedule",
    "ScoreNet",
    "SearchPlan",
    "Start",
    "StepLossForm",
    "TrainingConfig",
    "UNet",
    "UNetConfig",
    "VGG11Ratio",
    "bilateral",
    "ddim_kernel",
    "ddpm_kernel",
    "elbo",
    "expected_elbo",
    "junction_beta",
    "load_weights",
    "next_beta",
    "optimal_ratio",
    "q_sample",
    "released_search",
    "reverse_step",
    "reverse_steps",
    "sample",
    "save_weights",
    "schedule_betas",
    "schedule_loss",
    "score_loss",
    "search",
    "starts",
    "step_loss",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module, at its first use (PEP 562).

    Raises:
        AttributeError: the package has no such name.
    """
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value  # later uses do not come here
    return value


def __dir__() -> list[str]:
    """List the public names beside the module's own, for completion and ``help``."""
    return sorted({*globals(), *__all__})
