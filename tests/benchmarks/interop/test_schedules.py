"""Schedules to and from the formats of others; the released ones are the truth."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler, EulerDiscreteScheduler
from torch import Tensor

from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.errors import UserError
from benchmarks.core.experiment import LinearSchedule
from benchmarks.core.loading import load
from benchmarks.interop.schedules import (
    NAMED,
    diffusers_document,
    in_float32,
    losses,
    named_training,
    process_of,
    read_schedule,
    save_diffusers,
    save_json,
    save_ns,
)

RELEASED: dict[str, dict[str, list[float]]] = json.loads(
    (Path(__file__).parents[3] / "benchmarks" / "data" / "released-schedules.json").read_text()
)["schedules"]
TRAINING = NAMED["released"]
PROCESS = process_of(TRAINING)
FIELDS = ("t", "alpha", "beta", "sigma")
OURS = {
    "linear": NoiseSchedule.linear(200, 1e-4, 0.02),
    "wavegrad": NoiseSchedule.linear(1000, 1e-6, 0.01),
    "quadratic": NoiseSchedule.quadratic(16, 1e-4, 0.3),
    "cosine": NoiseSchedule.cosine(50),
    "log-SNR": NoiseSchedule.log_snr(12, 9.0, -6.0),
    "sub-sequence": NoiseSchedule.linear(1000, 1e-4, 0.02).subsequence(7),
    "one step": NoiseSchedule((0.5,)),
}


def released(name: str) -> list[Tensor]:
    """What the authors saved: float32."""
    return [torch.tensor(RELEASED[name][field], dtype=torch.float32) for field in FIELDS]


def bits(values: Tensor) -> list[int]:
    return values.view(torch.int32).tolist()


def saved(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


# -- .ns ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*RELEASED])
def test_released_schedules_keep_every_bit(tmp_path: Path, name: str) -> None:
    theirs = released(name)
    schedule = read_schedule(saved(tmp_path / "theirs.ns", theirs), TRAINING)
    assert schedule.betas == tuple(RELEASED[name]["beta"])
    save_ns(schedule, PROCESS, tmp_path / "ours.ns")
    ours = torch.load(tmp_path / "ours.ns", weights_only=True)
    assert [value.dtype for value in ours] == [torch.float32] * 4
    assert [bits(value) for value in ours] == [bits(value) for value in theirs]
    assert read_schedule(tmp_path / "ours.ns", TRAINING) == schedule
    save_json(schedule, tmp_path / "ours.json")
    assert read_schedule(tmp_path / "ours.json", TRAINING) == schedule


def rounded(value: Fraction) -> Fraction:
    """Round a positive number to the nearest float32, ties to even."""
    spacing = Fraction(2) ** (math.frexp(float(value))[1] - 24)
    return round(value / spacing) * spacing


def rounded_root(value: Fraction) -> Fraction:
    """Round the square root of a float32 in (0, 1) to the nearest float32."""
    guess = rounded(Fraction(math.sqrt(value)))
    ulp = Fraction(2) ** (math.frexp(float(guess))[1] - 24)
    # The root lies between the half-way points around the float32 that is nearest to it.
    return next(
        near
        for near in (guess - ulp, guess, guess + ulp)
        if (near - ulp / 2) ** 2 <= value <= (near + ulp / 2) ** 2
    )


def test_float32_columns_are_correctly_rounded_on_every_processor() -> None:
    betas = np.random.default_rng(7).uniform(1e-6, 0.3, (2_500, 4)).astype(np.float32)
    for row in betas:  # 10 000 roots of alpha^2, and as many of sigma^2
        alphas, sigmas = in_float32(row)
        before = Fraction(1)
        for n, beta in enumerate(map(Fraction, row.tolist())):
            square = rounded(rounded(1 - beta) * before)
            share = rounded(rounded(1 - before) / rounded(1 - square)) if n else Fraction(1)
            assert alphas[n] == float(rounded_root(square))
            assert sigmas[n] == float(rounded_root(rounded(beta * share)))
            before = square


@pytest.mark.parametrize("name", [*OURS])
def test_our_schedules_as_ns(tmp_path: Path, name: str) -> None:
    schedule = OURS[name]
    save_ns(schedule, PROCESS, tmp_path / "a.ns")
    found = read_schedule(tmp_path / "a.ns", TRAINING)
    in_file = torch.tensor(schedule.betas, dtype=torch.float64).float()
    assert found.betas == tuple(in_file.double().tolist())
    save_ns(found, PROCESS, tmp_path / "b.ns")
    assert read_schedule(tmp_path / "b.ns", TRAINING) == found  # float32 is rounded once


def test_the_first_sigma_is_the_root_of_the_first_beta(tmp_path: Path) -> None:
    save_ns(NoiseSchedule((0.25, 0.36)), PROCESS, tmp_path / "a.ns")
    t, alpha, beta, sigma = torch.load(tmp_path / "a.ns", weights_only=True)
    assert alpha.tolist() == pytest.approx([0.75**0.5, 0.48**0.5])
    assert sigma.tolist() == pytest.approx([0.5, (0.25 / 0.52 * 0.36) ** 0.5])
    assert beta.tolist() == pytest.approx([0.25, 0.36])
    assert bool((t.diff() > 0).all())


def test_levels_outside_the_training_schedule_are_at_its_ends(tmp_path: Path) -> None:
    for training, last in ((PROCESS, 199.0), (NoiseSchedule((0.3,)), 0.0)):
        save_ns(NoiseSchedule((1e-5, 0.9)), training, tmp_path / "a.ns")
        t = torch.load(tmp_path / "a.ns", weights_only=True)[0]
        assert t.tolist() == [0.0, last]


def test_a_beta_that_float32_rounds_to_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"beta_1 = 1\.0 of a noise schedule must lie between"):
        save_ns(NoiseSchedule((1 - 1e-12,)), PROCESS, tmp_path / "a.ns")


def test_steps_count_the_training_schedule(tmp_path: Path) -> None:
    training = NAMED["ddpm"]
    save_ns(OURS["sub-sequence"], process_of(training), tmp_path / "a.ns")
    assert len(read_schedule(tmp_path / "a.ns", training)) == 7
    with pytest.raises(
        ValueError,
        match=r"a\.ns: t_1 = 142 is not the step of alpha_1 in the training schedule of T = 200, "
        r"0\.0001 to 0\.02; name another schedule by --training",
    ):
        read_schedule(tmp_path / "a.ns", TRAINING)


def changed(field: str, n: int, factor: float) -> list[Tensor]:
    tensors = released("LJSpeech 7 steps")
    tensors[FIELDS.index(field)][n - 1] *= factor
    return tensors


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            changed("alpha", 3, 1 + 1e-5),
            "contradicts itself: alpha_3 does not follow from the betas",
        ),
        (
            changed("sigma", 6, 1 + 1e-4),
            "contradicts itself: sigma_6 does not follow from the betas",
        ),
        (changed("sigma", 1, 0.0), "contradicts itself: sigma_1 does not follow from the betas"),
        (changed("beta", 7, 1.01), "contradicts itself: alpha_7 does not follow from the betas"),
        (changed("beta", 2, -1.0), r"a\.ns: beta_2 = -0\.001.* must lie between 0 and 1"),
        (changed("t", 5, 1.001), r"t_5 = 96\.5406 is not the step of alpha_5"),
        (changed("t", 5, -1.0), r"t_5 = -96\.4441 is not the step of alpha_5"),
        (changed("t", 5, float("nan")), r"t_5 = nan is not the step of alpha_5"),
        (changed("sigma", 5, float("nan")), "contradicts itself: sigma_5"),
        (changed("alpha", 5, float("inf")), "contradicts itself: alpha_5"),
        (released("LJSpeech 7 steps")[:3], r"a\.ns is no \.ns file, which holds a list of 4"),
        ({"betas": [0.1]}, r"a\.ns is no \.ns file"),
        ([torch.ones(2), torch.ones(2), torch.ones(2), 1.0], "must be tensors of the same"),
        ([torch.ones(2), torch.ones(3), torch.ones(2), torch.ones(2)], "the same length"),
        ([torch.ones(()), torch.ones(()), torch.ones(()), torch.ones(())], "of the same"),
        ([torch.ones(0)] * 4, r"a\.ns: a noise schedule needs at least one beta"),
    ],
)
def test_other_ns_files_are_refused(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        read_schedule(saved(tmp_path / "a.ns", content), TRAINING)
    assert "\n" not in str(caught.value)


def test_an_ns_file_is_not_executed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.ns holds torch\.nn.*nothing was executed"):
        read_schedule(saved(tmp_path / "a.ns", torch.nn.Identity()), TRAINING)


# -- JSON ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*OURS])
def test_our_schedules_as_json_are_exact(tmp_path: Path, name: str) -> None:
    save_json(OURS[name], tmp_path / "a.json")
    assert read_schedule(tmp_path / "a.json", TRAINING) == OURS[name]
    assert NoiseSchedule.from_json((tmp_path / "a.json").read_text()) == OURS[name]
    save_diffusers(OURS[name], TRAINING, tmp_path / "b.json")
    assert read_schedule(tmp_path / "b.json", TRAINING) == OURS[name]


@pytest.mark.parametrize(
    "content", [[0.1, 0.2], {"betas": [0.1, 0.2]}, {"trained_betas": [0.1, 0.2]}]
)
def test_lists_of_betas(tmp_path: Path, content: Any) -> None:
    (tmp_path / "a.json").write_text(json.dumps(content))
    assert read_schedule(tmp_path / "a.json", TRAINING) == NoiseSchedule((0.1, 0.2))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"a\.json is no JSON"),
        (
            "{}",
            r"a\.json holds no schedule: found empty dictionary; give a list of betas, or an obj",
        ),
        ('{"betas": 0.1}', "holds no schedule"),
        ('{"scheduler": 3}', "holds no schedule"),
        ('["0.1"]', "holds no schedule"),
        ("[true]", "holds no schedule"),
        ("[[0.1]]", "holds no schedule"),
        ("null", "holds no schedule"),
        ("[]", r"a\.json: a noise schedule needs at least one beta"),
        ("[0.1, 1.0]", r"a\.json: beta_2 = 1\.0 .* must lie between 0 and 1"),
        ("[NaN]", r"a\.json: beta_1 = nan"),
        (f"[1{'0' * 400}]", r"a\.json: beta_1 = inf"),
        ("[" * 10**5, r"a\.json is no JSON"),
    ],
)
def test_other_json_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_schedule(tmp_path / "a.json", TRAINING)


def test_a_missing_file() -> None:
    with pytest.raises(ValueError, match=r"absent\.ns does not exist; give a \.ns or a \.json"):
        read_schedule(Path("absent.ns"), TRAINING)


# -- diffusers ----------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # diffusers
@pytest.mark.parametrize("name", ["quadratic", "log-SNR", "sub-sequence"])
def test_diffusers_reads_the_same_levels(name: str) -> None:
    schedule = OURS[name]
    document = diffusers_document(schedule, NAMED["ddpm"])
    scheduler = DDPMScheduler(**document["scheduler"])
    # float32, through N products.
    squares = schedule.alphas.square().float()
    torch.testing.assert_close(scheduler.alphas_cumprod, squares, rtol=2e-6, atol=0)
    euler = EulerDiscreteScheduler(len(schedule), trained_betas=[*schedule.betas])
    euler.set_timesteps(len(schedule))
    sigmas = torch.tensor(document["sigmas"])
    # Their 1 - alpha^2 cancels: 6e-8 / 1e-4 near the data, halved by the root.
    torch.testing.assert_close(euler.sigmas, sigmas, rtol=5e-4, atol=0)
    assert document["sigmas"][-1] == 0.0


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # diffusers'
@pytest.mark.parametrize("name", ["quadratic", "log-SNR", "sub-sequence"])
def test_diffusers_takes_sigmas_and_timesteps(name: str) -> None:
    document = diffusers_document(OURS[name], NAMED["ddpm"])
    euler = EulerDiscreteScheduler(**document["training_schedule"])
    euler.set_timesteps(sigmas=document["sigmas"])
    assert euler.sigmas.tolist() == torch.tensor(document["sigmas"]).tolist()
    if name == "sub-sequence":  # levels of the others lie between steps, or outside
        euler.set_timesteps(timesteps=document["timesteps"])
        wanted = torch.tensor(document["sigmas"])
        torch.testing.assert_close(euler.sigmas, wanted, rtol=1e-5, atol=0)
    ddpm = DDPMScheduler(**document["scheduler"])
    ddpm.set_timesteps(len(OURS[name]))
    assert ddpm.timesteps.tolist() == [*reversed(range(len(OURS[name])))]


def test_timesteps_of_a_sub_sequence_are_its_own() -> None:
    timesteps = diffusers_document(OURS["sub-sequence"], NAMED["ddpm"])["timesteps"]
    assert timesteps == pytest.approx([999, 856, 713, 570, 428, 285, 142], abs=1e-8)


# -- training schedules and notes ---------------------------------------------------------------


def test_training_schedules_by_name(tmp_path: Path) -> None:
    assert named_training("wavegrad") == LinearSchedule(1000, 1e-6, 0.01)
    assert named_training("images-cpu") == load("images-cpu").training_schedule
    (tmp_path / "mine.yaml").write_text("training_schedule: {T: 50, start: 0.001, end: 0.05}")
    assert named_training(str(tmp_path / "mine.yaml")) == LinearSchedule(50, 0.001, 0.05)
    with pytest.raises(ValueError, match="none of released, ddpm, wavegrad, and no experiment 'dp"):
        named_training("dpm")
    (tmp_path / "none.yaml").write_text("training_schedule: {T: 0, start: 0.001, end: 0.05}")
    with pytest.raises(ValueError, match=r"--training: .*none\.yaml: training_schedule\.T: 0 is"):
        named_training(str(tmp_path / "none.yaml"))


def test_what_is_lost_is_told() -> None:
    exact = NoiseSchedule(tuple(RELEASED["VCTK 8 steps"]["beta"]))
    assert list(losses(exact, PROCESS, rounded=True)) == []
    (note,) = losses(OURS["linear"], PROCESS, rounded=True)
    assert "betas are rounded to float32, by up to " in note
    assert list(losses(OURS["linear"], PROCESS, rounded=False)) == []
    (note,) = losses(OURS["cosine"], PROCESS, rounded=False)
    assert "of 50 levels lie outside the training schedule" in note


def of(*arguments: Any) -> Callable[[], NoiseSchedule]:
    return lambda: process_of(LinearSchedule(*arguments))


@pytest.mark.parametrize(
    "make", [of(0, 0.1, 0.2), of("x", 0.1, 0.2), of(5, 0.0, 0.2), of(5, 0.1, 1.0)]
)
def test_no_training_schedule(make: Callable[[], NoiseSchedule]) -> None:
    with pytest.raises(ValueError, match=r"^T = .* is no training schedule; give at least one"):
        make()


def test_betas_that_float32_loses_are_refused_in_a_sentence(tmp_path: Path) -> None:
    tiny = NoiseSchedule((1e-50, 0.5))
    with pytest.raises(UserError, match=r"a\.ns cannot hold this schedule in float32: "):
        save_ns(tiny, PROCESS, tmp_path / "a.ns")
    assert not [*tmp_path.iterdir()]
