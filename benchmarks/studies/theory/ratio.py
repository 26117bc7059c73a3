"""Learned ratios of schedule networks against the closed form, on both forms of the step loss.

The source is arXiv 2203.13508, Eq. 12 and section 3.2. The score is exact, so that only the
training of sigma_phi is random.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from bddm_ref.extras.networks.vector_ratio import VectorRatioNet
from bddm_ref.losses import junction_beta, next_beta, optimal_ratio, schedule_loss
from bddm_ref.process import q_sample
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.settings import StepLossForm, TrainingConfig
from bddm_ref.training import train
from benchmarks.data.distributions import distribution
from benchmarks.results.theory import TAU, RatioPoint, RatioStudy
from benchmarks.tracks.analytic.exact_score import ExactScoreNet

DATA = ("gaussian-1", "gaussian-16", "gaussian-64", "modes-16")
FORMS: tuple[StepLossForm, ...] = ("exact", "released")
BATCH = 128
TRAINING = TrainingConfig(
    steps=4_000, learning_rate=2e-3, warmup=50, clip=5.0, ema_decay=0.99, checkpoint_every=4_000
)
ITEMS = 2_000  # items of each level at which sigma_phi is evaluated
LEVELS = 24  # number of these levels
SEED = 0


def ratio_study(
    name: str, form: StepLossForm, training: NoiseSchedule, config: TrainingConfig = TRAINING
) -> RatioStudy:
    """Train a schedule network on a distribution, and evaluate the learned ratios."""
    data = distribution(name)
    trained = trained_on(name, form, training, config, TAU)
    steps = junctions(training, TAU, LEVELS)
    points = [
        ratio_at(
            trained,
            noisy(name, training, t, ITEMS),
            (t, TAU),
            data.power(float(training.alphas[t - 1])),
            training,
            form,
        )
        for t in steps
    ]
    return RatioStudy(name, form, points)


def trained_on(
    name: str,
    form: StepLossForm,
    training: NoiseSchedule,
    config: TrainingConfig,
    tau: int,
    observe: Callable[[int, nn.Module], None] = lambda update, schedule_net: None,
) -> nn.Module:
    """Train a schedule network on a distribution with its exact score; equal starts for all losses.

    Args:
        name: name of the distribution.
        form: form of the step loss.
        training: the training schedule.
        config: rates and counts.
        tau: long steps per short one.
        observe: called with 0 before the training and with each update after it.

    Returns:
        Moving average of the network.
    """
    data, score_net = distribution(name), ExactScoreNet(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        schedule_net = VectorRatioNet(data.dimensions)

    def loss(step: int, generator: torch.Generator) -> Tensor:
        x_0 = data.sample(BATCH, generator).float()
        networks = (score_net, schedule_net)
        return schedule_loss(networks, x_0, None, training, tau, generator, form)

    observe(0, schedule_net)
    trained, _ = train(
        schedule_net, loss, config, observe=lambda update, value: observe(update, schedule_net)
    )
    return trained


def junctions(training: NoiseSchedule, tau: int, count: int) -> list[int]:
    """Values of t in {tau, .., T - tau}, as in training, evenly spaced."""
    return torch.linspace(tau, len(training) - tau, count).round().int().tolist()


def noisy(name: str, training: NoiseSchedule, t: int, items: int) -> Tensor:
    """Draw items x_t of a distribution, ``(items, D)``."""
    generator = torch.Generator().manual_seed(SEED + t)
    x_0 = distribution(name).sample(items, generator).float()
    noise = torch.randn(x_0.shape, generator=generator)
    return q_sample(x_0, training.alphas[t - 1].expand(items), noise)


@torch.no_grad()
def ratio_at(
    schedule_net: nn.Module,
    x_t: Tensor,
    junction: tuple[int, int],
    s: float,
    training: NoiseSchedule,
    form: StepLossForm,
) -> RatioPoint:
    """Ratio of a schedule network at one level, and the ratio of the closed form.

    Args:
        schedule_net: sigma_phi.
        x_t: items at that level, ``(B, ...)``.
        junction: t and tau of the training.
        s: E|eps_theta|^2 / D at that level.
        training: the training schedule.
        form: form of the step loss.
    """
    t, tau = junction
    delta = float(training.deltas[t - 1])
    after = float(junction_beta(training, torch.tensor([t - 1]), tau))
    sigma = schedule_net(x_t).double().cpu()
    ratios = next_beta(sigma, torch.tensor(delta).double(), torch.tensor(after).double()) / delta
    closed = min(1.0, after / delta, optimal_ratio(s, form))
    return RatioPoint(t, s, float(ratios.mean()), float(ratios.std()), closed)
