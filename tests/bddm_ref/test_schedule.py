"""NoiseSchedule against hand-computed values, the released schedules, and its invariants."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bddm_ref.schedule import NoiseSchedule

RELEASED = json.loads(
    (Path(__file__).parents[2] / "benchmarks" / "data" / "released-schedules.json").read_text()
)["schedules"]
BETAS = st.lists(st.floats(1e-7, 0.999), min_size=1, max_size=40).map(tuple)


def test_hand_computed_two_steps() -> None:
    schedule = NoiseSchedule((0.19, 0.36))
    assert schedule.alphas.tolist() == pytest.approx([0.9, 0.72], abs=1e-15)
    assert schedule.deltas.tolist() == pytest.approx([0.19, 1 - 0.5184], abs=1e-15)
    # sigma_2 = sqrt(delta_1 / delta_2 * beta_2)
    expected = (0.19 / 0.4816 * 0.36) ** 0.5
    assert schedule.sigmas.tolist() == pytest.approx([0.0, expected], abs=1e-15)


@pytest.mark.parametrize("name", [*RELEASED])
def test_released_schedules(name: str) -> None:
    released = RELEASED[name]
    schedule = NoiseSchedule(tuple(released["beta"]))
    # The released lists are float32: relative error 6e-8, times up to 12 factors.
    alphas = torch.tensor(released["alpha"], dtype=torch.float64)
    torch.testing.assert_close(schedule.alphas, alphas, rtol=1e-6, atol=0)
    # Near the data 1 - alpha^2 cancels in the release's float32: 6e-8 / 1e-4 = 6e-4, halved.
    sigmas = torch.tensor(released["sigma"], dtype=torch.float64)
    torch.testing.assert_close(schedule.sigmas[1:], sigmas[1:], rtol=6e-4, atol=0)
    # Our first sigma is 0 (no noise at the last step); the released list holds sqrt(beta_1).
    assert released["sigma"][0] == pytest.approx(released["beta"][0] ** 0.5, rel=1e-6)
    assert schedule.sigmas[0] == 0.0


@pytest.mark.parametrize("name", [*RELEASED])
def test_fractional_steps_of_released_schedules(name: str) -> None:
    released = RELEASED[name]
    training = NoiseSchedule.linear(200, 1e-4, 0.02)
    steps = training.step_of(torch.tensor(released["alpha"], dtype=torch.float64))
    # Neighbouring alphas near the data are 1e-4 apart: float32 leaves 6e-8 / 1e-4 = 6e-4 steps.
    torch.testing.assert_close(
        steps, torch.tensor(released["t"], dtype=torch.float64), rtol=1e-5, atol=2e-3
    )


def test_steps_at_levels_and_beyond() -> None:
    training = NoiseSchedule.linear(200, 1e-4, 0.02)
    steps = torch.arange(200, dtype=torch.float64)
    torch.testing.assert_close(training.step_of(training.alphas), steps, rtol=0, atol=1e-9)
    assert training.step_of(torch.tensor([1.0, 0.0])).tolist() == [0.0, 199.0]
    assert NoiseSchedule((0.5,)).step_of(torch.tensor([0.9, 0.1])).tolist() == [0.0, 0.0]
    assert not training.contains(1.0)
    assert not training.contains(0.0)
    assert training.contains(0.5)


@given(st.floats(0, 199))
def test_level_and_step_are_inverse(step: float) -> None:
    training = NoiseSchedule.linear(200, 1e-4, 0.02)
    level = training.level_at(torch.tensor([step], dtype=torch.float64))
    # alpha differs by at least 5e-5 from step to step, so 1e-16 in alpha is 2e-12 steps.
    assert float(training.step_of(level)) == pytest.approx(step, abs=1e-9)


@given(BETAS)
def test_invariants(betas: tuple[float, ...]) -> None:
    schedule = NoiseSchedule(betas)
    alphas, deltas = schedule.alphas, schedule.deltas
    assert bool((alphas[1:] < alphas[:-1]).all())
    assert bool((alphas > 0).all())
    assert bool((alphas < 1).all())
    torch.testing.assert_close(alphas**2 + deltas, torch.ones_like(alphas), rtol=0, atol=1e-13)
    # Posterior variance lies below beta and below the noise before the step.
    assert bool((schedule.sigmas**2 <= torch.tensor(betas, dtype=torch.float64) * (1 + 1e-9)).all())
    assert alphas.dtype == torch.float64
    assert NoiseSchedule.from_json(schedule.to_json()) == schedule


@given(BETAS)
def test_from_alphas_recovers_betas(betas: tuple[float, ...]) -> None:
    schedule = NoiseSchedule(tuple(beta for beta in betas if beta > 1e-3) or (0.5,))
    again = NoiseSchedule.from_alphas(schedule.alphas)
    # beta = 1 - ratio^2 with a ratio good to 2e-16, and beta >= 1e-3.
    assert again.betas == pytest.approx(schedule.betas, rel=1e-11)


@given(st.integers(2, 300), st.data())
def test_subsequence_keeps_levels(T: int, data: st.DataObject) -> None:
    N = data.draw(st.integers(1, T))
    spacing = data.draw(st.sampled_from(["linear", "quadratic"]))
    training = NoiseSchedule.linear(T, 1e-4, 0.02)
    short = training.subsequence(N, spacing)
    assert len(short) == N
    assert float(short.alphas[-1]) == pytest.approx(float(training.alphas[-1]), rel=1e-12)
    gaps = (short.alphas[:, None] - training.alphas[None]).abs().min(dim=1).values
    assert float(gaps.max()) < 1e-12


@pytest.mark.parametrize(
    ("T", "N", "steps"),
    [
        (1000, 4, [0, 333, 666, 999]),
        (1000, 7, [0, 166, 333, 499, 666, 832, 999]),
        (200, 12, [0, 18, 36, 54, 72, 90, 108, 126, 144, 162, 180, 199]),
        (10, 2, [0, 9]),
    ],
)
def test_steps_of_the_released_ddim(T: int, N: int, steps: list[int]) -> None:
    training = NoiseSchedule.linear(T, 1e-4, 0.02)
    short = training.subsequence(N, "both-ends")
    torch.testing.assert_close(short.alphas, training.alphas[steps], rtol=1e-12, atol=0)
    assert short.betas[0] == pytest.approx(training.betas[0])  # its last step ends at the data
    if T == 1000:  # the released code's own expression, in float32
        assert torch.linspace(0, T - 1, N).long().tolist() == steps


@given(st.integers(2, 300))
def test_both_ends_of_all_steps_is_the_schedule_itself(T: int) -> None:
    training = NoiseSchedule.linear(T, 1e-4, 0.02)
    assert training.subsequence(T, "both-ends").betas == pytest.approx(training.betas, rel=1e-9)


def test_subsequence_recomputes_betas() -> None:
    # Two of four steps: beta spans both, 1 - (1 - b1)(1 - b2), not the old beta at that index.
    training = NoiseSchedule((0.1, 0.2, 0.3, 0.4))
    short = training.subsequence(2)
    assert short.betas == pytest.approx((1 - 0.9 * 0.8, 1 - 0.7 * 0.6), abs=1e-15)


@pytest.mark.parametrize(
    ("schedule", "first", "last"),
    [
        (NoiseSchedule.linear(1000, 1e-6, 0.01), 1e-6, 0.01),
        (NoiseSchedule.quadratic(1000, 1e-4, 0.02), 1e-4, 0.02),
    ],
)
def test_families_run_from_data_to_noise(
    schedule: NoiseSchedule, first: float, last: float
) -> None:
    assert schedule.betas[0] == pytest.approx(first)
    assert schedule.betas[-1] == pytest.approx(last)


def test_cosine_and_log_snr() -> None:
    cosine = NoiseSchedule.cosine(1000)
    # alpha^2 = f(t) / f(0) with f the squared cosine of (t + s) / (1 + s) * pi / 2.
    f = (
        torch.cos(torch.tensor([0.5 + 0.008, 0.008], dtype=torch.float64) / 1.008 * torch.pi / 2)
        ** 2
    )
    assert float(cosine.alphas[499] ** 2) == pytest.approx(float(f[0] / f[1]), rel=1e-9)
    even = NoiseSchedule.log_snr(5, 8.0, -8.0)
    snr = torch.log(even.alphas**2 / even.deltas)
    torch.testing.assert_close(snr, torch.tensor([8.0, 4.0, 0.0, -4.0, -8.0]).double())


@pytest.mark.parametrize("betas", [(), (0.0,), (1.0,), (0.5, float("nan")), (-0.1,)])
def test_refuses_impossible_betas(betas: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="noise schedule"):
        NoiseSchedule(betas)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"betas": 3}', '{"betas": [2.0]}'])
def test_refuses_foreign_json(text: str) -> None:
    with pytest.raises(ValueError, match="noise schedule"):
        NoiseSchedule.from_json(text)


def test_refuses_impossible_subsequences() -> None:
    training = NoiseSchedule((0.1, 0.2))
    with pytest.raises(ValueError, match="of 2 steps has 1 to 2 steps, not 3"):
        training.subsequence(3)
    with pytest.raises(ValueError, match="of 2 steps has 2 to 2 steps, not 1"):
        training.subsequence(1, "both-ends")
    with pytest.raises(ValueError, match="'cubic' is none of 'linear', 'quadratic', 'both-ends'"):
        training.subsequence(2, "cubic")
