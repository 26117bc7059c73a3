"""The training loop learns, averages, resumes bit by bit, and stops at infinite losses."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import time
import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from bddm_ref.checkpoint import load_state
from bddm_ref.settings import TrainingConfig
from bddm_ref.training import BatchLoss, step_generator, train

CONFIG = TrainingConfig(steps=40, learning_rate=0.05, ema_decay=0.5, checkpoint_every=10)


def network() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Linear(4, 1)


def fit(module: nn.Module, wait: float = 0.0) -> BatchLoss:
    """Make the least-squares loss to a fixed linear map, on random inputs."""

    def loss(step: int, generator: torch.Generator) -> Tensor:
        time.sleep(wait)
        x = torch.randn(16, 4, generator=generator)
        target = x @ torch.tensor([1.0, -2.0, 3.0, 0.5])
        return (module(x)[:, 0] - target).square().mean()

    return loss


def test_learns_the_map() -> None:
    module = network()
    config = TrainingConfig(steps=300, learning_rate=0.05, ema_decay=0.9)
    averaged, losses = train(module, fit(module), config)
    assert losses[-1] < 1e-3 * losses[0]
    torch.testing.assert_close(
        next(averaged.parameters())[0], torch.tensor([1.0, -2.0, 3.0, 0.5]), rtol=0, atol=0.05
    )


def test_average_is_the_exponential_one() -> None:
    module = network()
    history: list[Tensor] = []
    config = TrainingConfig(steps=4, learning_rate=0.1, ema_decay=0.75)
    averaged, _ = train(
        module,
        fit(module),
        config,
        observe=lambda step, loss: history.append(module.weight.detach().clone()),  # type: ignore[operator]
    )
    expected = history[0]
    for weight in history[1:]:
        expected = 0.75 * expected + 0.25 * weight
    torch.testing.assert_close(next(averaged.parameters()).detach(), expected)


def test_learning_rate_schedule() -> None:
    config = TrainingConfig(steps=100, learning_rate=1.0, warmup=10)
    assert config.learning_rate_at(0) == pytest.approx(0.1)
    assert config.learning_rate_at(50) == pytest.approx(0.5)
    assert config.learning_rate_at(99) < 0.001
    constant = TrainingConfig(steps=100, learning_rate=1.0, constant=True)
    assert constant.learning_rate_at(99) == 1.0


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"checkpoint_every": 0}])
def test_refuses_counts_below_one(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        dataclasses.replace(CONFIG, **wrong)


def test_step_generators_differ_by_seed_step_and_rank() -> None:
    draws = {
        float(torch.rand(1, generator=step_generator(*key), dtype=torch.float64))
        for key in [(0, 0, 0), (0, 1, 0), (1, 0, 0), (0, 0, 1)]
    }
    assert len(draws) == 4


def test_interrupted_training_resumes_bit_by_bit(tmp_path: Path) -> None:
    class Interrupt(Exception):
        pass

    def interrupt(step: int, loss: float) -> None:
        if step == 23:
            raise Interrupt

    module = network()
    whole, losses = train(module, fit(module), CONFIG)
    module = network()
    with pytest.raises(Interrupt):
        train(module, fit(module), CONFIG, tmp_path / "state.pt", interrupt)
    module = network()
    resumed, losses_again = train(module, fit(module), CONFIG, tmp_path / "state.pt")
    assert losses_again == losses
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)


def test_resumes_bit_by_bit_with_layers_that_draw_by_themselves(tmp_path: Path) -> None:
    def dropping() -> nn.Module:
        return nn.Sequential(nn.Dropout(0.5), network())

    def loss_of(module: nn.Module) -> BatchLoss:
        return lambda step, generator: module(torch.ones(8, 4)).square().mean()

    whole, losses = train(module := dropping(), loss_of(module), CONFIG)
    half = dataclasses.replace(CONFIG, checkpoint_every=20)

    def interrupt(step: int, loss: float) -> None:
        if step == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(module := dropping(), loss_of(module), half, tmp_path / "state.pt", interrupt)
    torch.rand(7)  # other draws of the process change nothing
    resumed, again = train(module := dropping(), loss_of(module), half, tmp_path / "state.pt")
    assert again == losses
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)


KILLED_AFTER = (2, 15, 19)  # updates; a state is written after every tenth


def kill_training_after(updates: int, state: Path) -> None:
    """Train in a process that is killed once it has made so many updates."""
    ours, theirs = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch has threads, which do not count
        child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):  # nothing of pytest may run on in this process
            os.close(ours)
            module = network()
            tell = lambda step, loss: os.write(theirs, b"u")  # noqa: E731
            train(module, fit(module, wait=0.02), CONFIG, state, tell)
        os._exit(0)
    os.close(theirs)
    for _ in range(updates):
        os.read(ours, 1)
    os.kill(child, signal.SIGKILL)
    os.close(ours)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL


@pytest.mark.slow
def test_killed_training_resumes_bit_by_bit(tmp_path: Path) -> None:
    """A run killed before, between or during checkpoints resumes to the same weights."""
    train(module := network(), fit(module), CONFIG)  # loads all that training needs
    for updates in KILLED_AFTER:
        kill_training_after(updates, tmp_path / f"{updates}.pt")
    module = network()
    whole, losses = train(module, fit(module), CONFIG)
    assert not (tmp_path / "2.pt").exists()
    assert len(load_state(tmp_path / "15.pt")["losses"]) == 10
    for updates in KILLED_AFTER:
        module = network()
        resumed, again = train(module, fit(module), CONFIG, tmp_path / f"{updates}.pt")
        assert again == losses
        for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
            assert torch.equal(a, b)


def test_refuses_the_state_of_another_configuration(tmp_path: Path) -> None:
    module = network()
    train(module, fit(module), CONFIG, tmp_path / "state.pt")
    other = TrainingConfig(steps=50, learning_rate=0.05)
    message = r"another configuration \(ema_decay, steps\)"
    with pytest.raises(ValueError, match=message):
        train(module, fit(module), other, tmp_path / "state.pt")


def test_refuses_the_state_of_another_network(tmp_path: Path) -> None:
    module = network()
    train(module, fit(module), CONFIG, tmp_path / "state.pt")
    wider = nn.Linear(5, 1)
    with pytest.raises(ValueError, match=r"another configuration \(the network\)"):
        train(wider, fit(wider), CONFIG, tmp_path / "state.pt")


def test_goes_on_when_only_the_checkpoints_change(tmp_path: Path) -> None:
    module = network()
    _, losses = train(module, fit(module), CONFIG, tmp_path / "state.pt")
    rarer = dataclasses.replace(CONFIG, checkpoint_every=25)
    assert train(network(), fit(module), rarer, tmp_path / "state.pt")[1] == losses


def test_stops_at_a_loss_that_is_not_finite() -> None:
    module = network()

    def diverge(step: int, generator: torch.Generator) -> Tensor:
        return module(torch.ones(1, 4)).sum() * (float("nan") if step == 3 else 1.0)

    with pytest.raises(FloatingPointError, match="step 3"):
        train(module, diverge, CONFIG)


def test_stops_at_a_gradient_that_is_not_finite(tmp_path: Path) -> None:
    """An infinite gradient at the last step raises an error, and the state of step 30 stays."""
    module = network()

    def diverge(step: int, generator: torch.Generator) -> Tensor:
        output = module(torch.ones(1, 4)).sum()
        # The slope of sqrt at 0 is infinite, and the loss 0.
        return (0.0 * output).sqrt() if step == 39 else output.square()

    with pytest.raises(FloatingPointError, match=r"gradient is .* at training step 39"):
        train(module, diverge, CONFIG, tmp_path / "state.pt")
    assert all(parameter.isfinite().all() for parameter in module.parameters())
    assert len(load_state(tmp_path / "state.pt")["losses"]) == 30


# -- by the clock --------------------------------------------------------------------------------


class Clock:
    """A clock that advances by a fixed time at each call."""

    def __init__(self, step: float) -> None:
        self.step, self.now = step, 100.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def timed(seconds: float, **changes: object) -> TrainingConfig:
    return dataclasses.replace(CONFIG, **{"steps": 1_000, "seconds": seconds} | changes)


def test_training_stops_with_the_time() -> None:
    module = network()
    _, losses = train(module, fit(module), timed(10.0), clock=Clock(1.0))
    assert len(losses) == 10  # an update a second
    module = network()
    _, losses = train(module, fit(module), timed(0.5), clock=Clock(1.0))
    assert len(losses) == 1
    module = network()
    _, losses = train(module, fit(module), timed(1e9, steps=7), clock=Clock(1.0))
    assert len(losses) == 7  # the earlier limit counts


def test_the_rate_follows_the_larger_of_both_shares() -> None:
    config = TrainingConfig(steps=100, learning_rate=1.0, seconds=10.0)
    assert config.learning_rate_at(50, 0.0) == pytest.approx(0.5)
    assert config.learning_rate_at(50, 5.0) == pytest.approx(0.5)
    assert config.learning_rate_at(1, 5.0) == pytest.approx(0.5)
    assert config.learning_rate_at(1, 11.0) == 0.0
    assert TrainingConfig(steps=100, learning_rate=1.0).learning_rate_at(50, 99.0) == 0.5


def test_the_rate_of_a_timed_training_falls_to_nothing() -> None:
    module, rates = network(), list[float]()
    step = torch.optim.AdamW.step

    def watched(optimizer: torch.optim.AdamW) -> object:
        rates.append(optimizer.param_groups[0]["lr"])
        return step(optimizer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", watched)
        train(module, fit(module), timed(10.0), clock=Clock(1.0))
    assert rates == pytest.approx([timed(10.0).learning_rate_at(i, float(i)) for i in range(10)])
    assert rates[-1] < 0.03 * rates[0]


def test_a_timed_training_goes_on_with_the_time_that_is_left(tmp_path: Path) -> None:
    state = tmp_path / "state.pt"
    config = timed(10.0, checkpoint_every=2)

    def killed(step: int, loss: float) -> None:
        if step == 5:
            raise KeyboardInterrupt

    module = network()
    with pytest.raises(KeyboardInterrupt):
        train(module, fit(module), config, state, killed, clock=Clock(1.0))
    assert load_state(state)["elapsed"] == 4.0
    module = network()
    _, losses = train(module, fit(module), config, state, clock=Clock(1.0))
    assert len(losses) == 10  # four before, six now
    assert load_state(state)["elapsed"] == 10.0
    again = network()
    assert train(again, fit(again), config, state, clock=Clock(1.0))[1] == losses  # already done


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_no_time_at_all_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds must be above 0"):
        TrainingConfig(steps=1, learning_rate=1.0, seconds=seconds)
