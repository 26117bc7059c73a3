"""Learned ratios of schedule networks against the closed form, on the step loss and the ELBO.

The source is arXiv 2203.13508, Eq. 12 and section 3.2. The score is exact, so that only the
training of sigma_phi is random.
"""

from __future__ import annotations

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
FORMS: tuple[StepLossForm, ...] = ("exact", "released", "elbo")
BATCH = 128
TRAINING = TrainingConfig(
    steps=4_000, learning_rate=2e-3, warmup=50, clip=5.0, ema_decay=0.99, checkpoint_every=4_000
)
WATCHED = (1, 10, 30, 100, 300, 1_000, 2_000, 4_000)  # updates before evaluations of sigma_phi
ITEMS = 2_000  # items of each level at which sigma_phi is evaluated
LEVELS = 24  # number of these levels
SEED = 0


def ratio_study(
    name: str, form: StepLossForm, training: NoiseSchedule, config: TrainingConfig = TRAINING
) -> RatioStudy:
    """Train a schedule network on a distribution, and evaluate the learned ratios."""
    data, score_net = distribution(name), ExactScoreNet(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        schedule_net = VectorRatioNet(data.dimensions)

    def loss(step: int, generator: torch.Generator) -> Tensor:
        x_0 = data.sample(BATCH, generator).float()
        networks = (score_net, schedule_net)
        return schedule_loss(networks, x_0, None, training, TAU, generator, form)

    steps = junctions(training, TAU, LEVELS)
    looked_at = [_noisy(name, training, t) for t in steps]
    watched = {0: _mean_sigma(schedule_net, looked_at)}

    def observe(step: int, value: float) -> None:
        if step in WATCHED:
            watched[step] = _mean_sigma(schedule_net, looked_at)

    trained, _ = train(schedule_net, loss, config, observe=observe)
    points = [
        ratio_at(trained, x_t, (t, TAU), data.power(float(training.alphas[t - 1])), training, form)
        for t, x_t in zip(steps, looked_at, strict=True)
    ]
    return RatioStudy(name, form, points, watched)


def junctions(training: NoiseSchedule, tau: int, count: int) -> list[int]:
    """Values of t in {tau, .., T - tau}, as in training, evenly spaced."""
    return torch.linspace(tau, len(training) - tau, count).round().int().tolist()


def _noisy(name: str, training: NoiseSchedule, t: int) -> Tensor:
    generator = torch.Generator().manual_seed(SEED + t)
    x_0 = distribution(name).sample(ITEMS, generator).float()
    noise = torch.randn(x_0.shape, generator=generator)
    return q_sample(x_0, training.alphas[t - 1].expand(ITEMS), noise)


@torch.no_grad()
def _mean_sigma(schedule_net: nn.Module, looked_at: list[Tensor]) -> float:
    return float(schedule_net(torch.cat(looked_at)).mean())


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
