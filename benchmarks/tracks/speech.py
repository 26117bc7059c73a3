"""The speech track: mel-conditioned vocoding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from bddm_ref.losses import schedule_loss, score_loss
from bddm_ref.networks.diffwave import DiffWave, DiffWaveConfig
from bddm_ref.networks.galr import GALR, GALRConfig
from bddm_ref.networks.ratio import RatioNet
from bddm_ref.networks.rescaled import RescaledScoreNet
from bddm_ref.networks.vocoder import SpectralVocoder, SpectralVocoderConfig
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.training import BatchLoss
from benchmarks.data.crops import CropTable
from benchmarks.data.features import filterbank
from benchmarks.experiment import (
    Convention,
    Experiment,
    ExperimentError,
    ScheduleNetConfig,
    ScoreNetConfig,
)
from benchmarks.protocol import EvaluatedNet

NetworkMaker = Callable[[dict[str, Any], NoiseSchedule], nn.Module]
"""``(sizes, training schedule) -> network``, untrained."""
SCORE_NETS: dict[str, NetworkMaker] = {
    "spectral_vocoder": lambda size, schedule: SpectralVocoder(
        SpectralVocoderConfig(**size), filterbank()
    ),
    "diffwave": lambda size, schedule: DiffWave(DiffWaveConfig(**size), schedule),
}
SCHEDULE_NETS: dict[str, NetworkMaker] = {
    "ratio": lambda size, schedule: RatioNet(**size),
    # Without dropout, which would draw from the global generator and break exact resume.
    "galr": lambda size, schedule: GALR(GALRConfig(**size, dropout=0.0)),
}
NETWORK_AMPLITUDE = 8.0
"""Score networks of this track are trained on recordings times this."""


def build_score_net(experiment: Experiment) -> nn.Module:
    """The untrained score network of an experiment, initialised from its training seed."""
    return _build(SCORE_NETS, experiment.score_net, experiment, "score_net")


def build_schedule_net(experiment: Experiment) -> nn.Module:
    """The untrained schedule network of an experiment."""
    return _build(SCHEDULE_NETS, experiment.schedule_net, experiment, "schedule_net")


def _build(
    known: dict[str, NetworkMaker],
    config: ScoreNetConfig | ScheduleNetConfig,
    experiment: Experiment,
    where: str,
) -> nn.Module:
    if config.network not in known:
        raise ExperimentError(f"{where}.network: {config.network!r} is none of {', '.join(known)}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.training.seed)
        try:
            return known[config.network](config.size, training_schedule(experiment))
        except TypeError as error:
            raise ExperimentError(f"{where}.size: {error}") from error


def training_schedule(experiment: Experiment) -> NoiseSchedule:
    """The long schedule that both conventions share."""
    linear = experiment.training_schedule
    return NoiseSchedule.linear(linear.T, linear.start, linear.end)


def for_convention(score_net: nn.Module, convention: Convention) -> nn.Module:
    """The score network as a process in this amplitude convention sees it."""
    if convention.amplitude == NETWORK_AMPLITUDE:
        return score_net
    return RescaledScoreNet(score_net, NETWORK_AMPLITUDE / convention.amplitude)


def score_batch_loss(
    experiment: Experiment, score_net: nn.Module, crops: CropTable, device: torch.device
) -> BatchLoss:
    """The score loss on random crops, at levels that serve every amplitude convention.

    Log signal-to-noise ratios are drawn from a normal distribution, clamped to the range that the
    training schedules of all conventions span.
    """
    config = experiment.score_net

    def loss(step: int, generator: torch.Generator) -> Tensor:
        waveform, log_mel = crops.draw(config.batch_size, generator)
        log_snr = torch.randn(config.batch_size, generator=generator, dtype=torch.float64)
        log_snr = log_snr.mul_(config.level_spread).add_(config.level_mean)
        log_snr.clamp_(config.level_lowest, config.level_highest)
        alpha = log_snr.sigmoid().sqrt()
        noise = torch.randn(waveform.shape, generator=generator)
        condition = encode(score_net, log_mel.to(device))
        x_0 = NETWORK_AMPLITUDE * waveform.to(device)
        weight = level_weight(log_snr.to(device)) if config.balance_levels else None
        return score_loss(
            score_net, x_0, alpha.to(device), noise.to(device), condition, config.power, weight
        )

    return loss


def level_weight(log_snr: Tensor) -> Tensor:
    """Weights that make all levels count about alike in the L1 score loss.

    The error of predicting the noise vanishes with the signal-to-noise ratio, and with it what
    the noisiest levels, which decide a sample's pitch and phases, add to the mean. What the
    Wiener filter leaves of recordings times NETWORK_AMPLITUDE is close to .66 of this sigmoid.

    Args:
        log_snr: of the levels, nats, ``(B,)``.
    """
    return 1 / torch.sigmoid((log_snr.float() - 3) / 3)


def schedule_batch_loss(
    experiment: Experiment,
    networks: tuple[nn.Module, nn.Module],
    convention: Convention,
    crops: CropTable,
    device: torch.device,
) -> BatchLoss:
    """The step loss on random crops in one amplitude convention, with the score network frozen."""
    config = experiment.schedule_net
    score_net, schedule_net = networks
    seen = EvaluatedNet(for_convention(score_net, convention), experiment.bf16)
    schedule = training_schedule(experiment)

    def loss(step: int, generator: torch.Generator) -> Tensor:
        waveform, log_mel = crops.draw(config.batch_size, generator)
        with torch.no_grad(), seen.precision(device):
            condition = encode(score_net, log_mel.to(device))
        return schedule_loss(
            (seen, schedule_net),
            convention.amplitude * waveform.to(device),
            condition,
            schedule,
            config.tau,
            generator,
            config.loss,
        )

    return loss


def encode(score_net: nn.Module, log_mel: Tensor) -> Any:
    """Condition of a batch: what the network's encoder makes of its mel spectrograms."""
    return score_net.encode(log_mel)  # type: ignore[operator]
