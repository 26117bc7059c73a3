"""Networks of the speech track, and their losses on random crops of recordings."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from bddm_ref.extras.networks.diffwave_lmnt import LmntDiffWave
from bddm_ref.extras.networks.inference import inference_form
from bddm_ref.extras.networks.ratio import RatioNet
from bddm_ref.extras.networks.rescaled import RescaledScoreNet
from bddm_ref.extras.networks.vocoder import SpectralVocoder, SpectralVocoderConfig
from bddm_ref.losses import schedule_loss, score_loss
from bddm_ref.networks.diffwave import DiffWave, DiffWaveConfig
from bddm_ref.networks.galr import GALR, GALRConfig
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.settings import StepLossForm
from bddm_ref.training import BatchLoss
from benchmarks.core.experiment import Convention, Experiment
from benchmarks.data.features import filterbank
from benchmarks.runtime.noise import EvaluatedNet, taken, training_noise
from benchmarks.tracks.levels import drawn_levels
from benchmarks.tracks.parts import KnownNetworks, Networks
from benchmarks.tracks.reduction import reduced
from benchmarks.tracks.speech.data import Recordings

NETWORKS: KnownNetworks = {
    "score_net": {
        "spectral_vocoder": lambda size, schedule: SpectralVocoder(
            SpectralVocoderConfig(**size), filterbank()
        ),
        "diffwave": lambda size, schedule: DiffWave(DiffWaveConfig(**size), schedule),
        "diffwave_lmnt": lambda size, schedule: LmntDiffWave(DiffWaveConfig(**size), schedule),
    },
    "schedule_net": {
        "ratio": lambda size, schedule: RatioNet(**size),
        # Without dropout, unless an experiment asks for it.
        "galr": lambda size, schedule: GALR(
            GALRConfig(**{**size, "dropout": size.get("dropout", 0.0)})
        ),
    },
}


class SpeechNetworks(Networks):
    """Score networks with a mel spectrogram as condition, and schedule networks of waveforms."""

    known = NETWORKS
    with_inference_form = (DiffWave,)

    def __init__(
        self,
        experiment: Experiment,
        training: NoiseSchedule,
        device: torch.device,
        recordings: Recordings,
    ) -> None:
        super().__init__(experiment, training, device)
        self._recordings = recordings

    def for_inference(self, score_net: nn.Module) -> nn.Module:
        """Fold DiffWave's weight norm; on a CPU, compute it as matrix products if not compiled."""
        as_it_is = self.device.type != "cpu" or self.experiment.compile != "no"
        return inference_form(score_net, self.experiment.bf16, as_it_is)

    def for_convention(self, score_net: nn.Module, convention: Convention) -> nn.Module:
        """Rescale the score network's input to the amplitude that it was trained on."""
        amplitude = self.experiment.score_net.amplitude
        if convention.amplitude == amplitude:
            return score_net
        return RescaledScoreNet(score_net, amplitude / convention.amplitude)

    def score_batch_loss(self, score_net: nn.Module) -> BatchLoss:
        """Make the score loss on random crops, at levels that serve every amplitude convention."""
        config = self.experiment.score_net
        crops = self._recordings.crops(config.crop_frames, self.device)
        # The row of its crop, for each level and noise: the mel of a crop is encoded once.
        rows = torch.arange(config.batch_size).repeat_interleave(config.draws).to(self.device)

        def loss(step: int, generator: torch.Generator) -> Tensor:
            waveform, log_mel = crops.draw(config.batch_size, generator)
            alpha = drawn_levels(config, self.training, generator).to(self.device)
            condition = encode(score_net, log_mel)
            if config.draws > 1:
                waveform, condition = taken(waveform, rows), taken(condition, rows)
            noise = training_noise(waveform, generator)
            weight = level_weight(alpha) if config.balance_levels else None
            x_0 = config.amplitude * waveform
            return score_loss(score_net, x_0, alpha, noise, condition, config.power, weight)

        return loss

    def schedule_batch_loss(
        self,
        networks: tuple[nn.Module, nn.Module],
        convention: Convention,
        form: StepLossForm,
        tau: int,
    ) -> BatchLoss:
        """Make the step loss on random crops in one amplitude convention."""
        config = self.experiment.schedule_net
        score_net, schedule_net = networks
        seen = EvaluatedNet(self.for_convention(score_net, convention), self.experiment.bf16)
        crops = self._recordings.crops(config.crop_frames, self.device)

        def loss(step: int, generator: torch.Generator) -> Tensor:
            waveform, log_mel = crops.draw(config.batch_size, generator)
            with torch.no_grad(), seen.precision(self.device):
                condition = encode(score_net, log_mel)
            x_0 = convention.amplitude * waveform
            mean = schedule_loss(
                (seen, schedule_net), x_0, condition, self.training, tau, generator, form
            )
            return reduced(mean, x_0, config.reduction)

        return loss


def level_weight(alpha: Tensor) -> Tensor:
    """Weights that make all levels count about alike in the L1 score loss.

    The error of predicting the noise vanishes with the signal-to-noise ratio. The noisiest levels
    decide a sample's pitch and phases, and would add almost nothing to the mean. For recordings
    times 8, the error that the Wiener filter leaves is close to .66 of this sigmoid.

    Args:
        alpha: the levels, ``(B,)`` float64.

    Returns:
        The weights, ``(B,)`` float32.
    """
    log_snr = torch.logit(alpha.square())
    return 1 / torch.sigmoid((log_snr.float() - 3) / 3)


def encode(score_net: nn.Module, log_mel: Tensor) -> Any:
    """Compute the condition of a batch with the network's encoder.

    Args:
        score_net: a score network with the method ``encode``.
        log_mel: mel spectrograms, ``(B, MELS, frames + 1)``.
    """
    return score_net.encode(log_mel)  # type: ignore[operator]
