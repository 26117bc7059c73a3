"""Configurations of diffusers' schedulers: the library's own alphas are the truth."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from diffusers.configuration_utils import ConfigMixin

from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.experiment import LinearSchedule
from benchmarks.interop import diffusers_schedule as ours
from benchmarks.interop.diffusers_schedule import configured, linear_training
from benchmarks.interop.schedules import NAMED, read_told

pytestmark = pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")
LISTED = np.geomspace(2e-4, 0.25, 12).tolist()


def fields_of(name: str) -> dict[str, Any]:
    """Fields of a class and their defaults."""
    parameters = inspect.signature(getattr(diffusers, name).__init__).parameters
    return {k: v.default for k, v in parameters.items() if k not in ("self", "kwargs")}


def classes() -> list[str]:
    """Every scheduler of the library that takes betas."""
    found = [
        name
        for name in dir(diffusers)
        if name.endswith("Scheduler")
        and name not in ("ScoreSdeVpScheduler", "DPMSolverSDEScheduler")
    ]
    kinds = [n for n in found if issubclass(getattr(diffusers, n, type(None)), ConfigMixin)]
    return [name for name in kinds if "trained_betas" in fields_of(name)]


def theirs(name: str, config: dict[str, Any]) -> torch.Tensor:
    """Squares of alpha that the library computes."""
    return getattr(diffusers, name)(**config).alphas_cumprod.double()


def read(name: str, config: dict[str, Any]) -> NoiseSchedule:
    return configured("a.json", {"_class_name": name} | config, network=False).schedule


def test_every_class_with_betas_is_known() -> None:
    named = {*classes(), "DPMSolverSDEScheduler"} - {"IPNDMScheduler"}
    assert named == set(ours.CLASSES)


def test_every_field_of_every_class_is_in_one_table() -> None:
    tables = (ours.HONOURED, ours.OF_NETWORKS, ours.OTHER_LEVELS, ours.OF_SAMPLERS)
    for name in classes():
        if name != "IPNDMScheduler":
            for field in fields_of(name):
                assert sum(field in table for table in tables) == 1, (name, field)


@pytest.mark.parametrize("name", sorted({*ours.CLASSES} - {"DPMSolverSDEScheduler"}))
def test_defaults_are_the_classes(name: str) -> None:
    defaults = {k: v for k, v in fields_of(name).items() if k != "tau_func"}
    for config in ({}, json.loads(json.dumps(defaults, default=str))):
        config.pop("lambda_min_clipped", None)
        squares = read(name, config).alphas.square()
        torch.testing.assert_close(squares, theirs(name, config), rtol=2e-4, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("DDPMScheduler", {"beta_schedule": "scaled_linear", "beta_start": 1e-3}),
        ("DDPMScheduler", {"beta_schedule": "squaredcos_cap_v2", "num_train_timesteps": 50}),
        ("DDPMScheduler", {"beta_schedule": "sigmoid", "beta_end": 0.05}),
        ("DDPMScheduler", {"beta_schedule": "laplace", "num_train_timesteps": 40}),
        ("HeunDiscreteScheduler", {"beta_schedule": "exp", "num_train_timesteps": 30}),
        ("DDIMScheduler", {"trained_betas": LISTED, "num_train_timesteps": 12}),
        ("EulerDiscreteScheduler", {"rescale_betas_zero_snr": True, "num_train_timesteps": 60}),
        (
            "EulerAncestralDiscreteScheduler",
            {"rescale_betas_zero_snr": True, "num_train_timesteps": 90, "beta_end": 0.01},
        ),
        ("UniPCMultistepScheduler", {"rescale_betas_zero_snr": True, "num_train_timesteps": 100}),
        (
            "DPMSolverMultistepScheduler",
            {"rescale_betas_zero_snr": True, "trained_betas": LISTED, "num_train_timesteps": 12},
        ),
        ("CogVideoXDDIMScheduler", {"snr_shift_scale": 1.5}),
        ("CogVideoXDPMScheduler", {"beta_schedule": "linear"}),
        ("LCMScheduler", {"beta_end": 0.02}),
    ],
)
def test_honoured_fields_give_the_librarys_alphas(name: str, config: dict[str, Any]) -> None:
    squares = read(name, config).alphas.square()
    expected = theirs(name, config)
    assert len(squares) == len(expected)
    torch.testing.assert_close(squares, expected, rtol=5e-4, atol=1e-8)
    if config.get("rescale_betas_zero_snr"):
        assert float(squares[-1]) == pytest.approx(2.0**-24, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("DDPMScheduler", {"trained_betas": LISTED, "num_train_timesteps": 12}),
        ("DDIMScheduler", {}),
        ("LCMScheduler", {"beta_schedule": "linear"}),
        ("CogVideoXDDIMScheduler", {}),
    ],
)
def test_a_last_alpha_of_zero_is_refused(name: str, config: dict[str, Any]) -> None:
    config = config | {"rescale_betas_zero_snr": True}
    assert float(theirs(name, config)[-1]) == 0.0
    with pytest.raises(ValueError, match=f"a.json: rescale_betas_zero_snr .* alpha of {name} 0"):
        read(name, config)


def test_a_last_alpha_above_the_one_before_is_refused() -> None:
    config = {"rescale_betas_zero_snr": True}
    squares = theirs("EulerDiscreteScheduler", config)
    assert squares[-1] > squares[-2]
    with pytest.raises(ValueError, match=r"lets EulerDiscreteScheduler end at alpha = 2\^-12, wh"):
        read("EulerDiscreteScheduler", config)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"use_karras_sigmas": True}, "use_karras_sigmas is True, so that the scheduler samples"),
        ({"use_flow_sigmas": True}, "use_flow_sigmas is True"),
        ({"sigma_max": 14.6}, "sigma_max is 14.6, so that .* make it None in a copy"),
        ({"timestep_type": "continuous"}, "timestep_type is 'continuous'"),
        ({"beta_schedule": "cosine"}, "beta_schedule is 'cosine', and known are linear, scaled_li"),
        ({"beta_shcedule": "linear"}, r"'beta_shcedule' \('linear'\) is not known.*beta_schedule"),
        ({"novelty": 3}, r"the field 'novelty' \(3\) is not known.*; remove it in a copy"),
        ({"_class_name": "FlowMatchEulerDiscreteScheduler"}, "FlowMatch.* is not known to have"),
        (
            {"trained_betas": LISTED, "num_train_timesteps": 10},
            "timesteps is 10, and trained_be.* 12",
        ),
        ({"trained_betas": "many"}, "trained_betas must be a list of numbers, not 'many'"),
        ({"trained_betas": [0.1, 1.0]}, "beta_2 = 1.0 of a noise schedule must lie between"),
        ({"num_train_timesteps": 0}, "num_train_timesteps must be a number from 1 on, not 0"),
        ({"beta_start": "1e-4"}, "beta_start and beta_end must be between 0 and 1, not '1e-4'"),
        ({"snr_shift_scale": -1}, "snr_shift_scale must be a number above 0, not -1"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^a.json.*{message}") as caught:
        read("DDPMScheduler", config)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "config",
    [
        {"prediction_type": "v_prediction"},
        {"prediction_type": "sample"},
        {"predict_epsilon": False},
        {"variance_type": "learned_range"},
    ],
)
def test_other_networks_are_refused_and_their_schedule_is_told(config: dict[str, Any]) -> None:
    field = next(iter(config))
    with pytest.raises(ValueError, match=f"^a.json: {field} is .* cannot be imported$"):
        configured("a.json", config, network=True)
    (note,) = configured("a.json", config, network=False).notes
    assert note.startswith(f"{field} is ")


def test_fields_of_the_sampler_are_told() -> None:
    config = {"clip_sample": True, "timestep_spacing": "trailing", "steps_offset": 1, "new": None}
    (note,) = configured("a.json", config | {"_diffusers_version": "0.1"}, network=True).notes
    assert note == (
        "fields of diffusers' sampler, not used here: clip_sample True, timestep_spacing "
        "'trailing', steps_offset 1, new None"
    )


def test_training_schedules_are_linear() -> None:
    config = {"num_train_timesteps": 200, "beta_start": 1e-3, "beta_end": 0.05}
    assert linear_training("a.json", config)[0] == LinearSchedule(200, 1e-3, 0.05)
    line = {"trained_betas": np.linspace(1e-4, 0.02, 500).tolist()}
    assert linear_training("a.json", line)[0] == LinearSchedule(500, 1e-4, 0.02)
    for config, cause in (
        ({"trained_betas": LISTED}, r"trained_betas \(list of 12 .*\)"),
        ({"beta_schedule": "squaredcos_cap_v2"}, r"beta_schedule \('squaredcos_cap_v2'\)"),
        ({"_class_name": "LCMScheduler"}, r"its class \(None\)"),
        ({"snr_shift_scale": 2.0}, r"snr_shift_scale \(2.0\)"),
    ):
        with pytest.raises(ValueError, match=f"a.json: {cause} gives betas that do not rise"):
            linear_training("a.json", config)


@pytest.mark.parametrize("place", ["scheduler_config.json", "mine.json"])
def test_a_configuration_is_a_schedule(tmp_path: Path, place: str) -> None:
    scheduler = diffusers.EulerDiscreteScheduler(num_train_timesteps=30, beta_end=0.3)
    scheduler.save_pretrained(tmp_path / "scheduler")
    file = tmp_path / "scheduler" / "scheduler_config.json"
    told = tmp_path / "scheduler"
    if place == "mine.json":
        told = file.rename(tmp_path / place)
    found = read_told(told, NAMED["ddpm"])
    torch.testing.assert_close(
        found.schedule.alphas.square(), scheduler.alphas_cumprod.double(), rtol=1e-5, atol=0
    )
    assert "timestep_spacing 'linspace'" in found.notes[0]
