"""Networks of the image track, and their losses on random images."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from bddm_ref.extras.networks.clipped import ClippedScoreNet
from bddm_ref.extras.networks.image_ratio import ImageRatioNet
from bddm_ref.networks.unet import UNet, UNetConfig
from bddm_ref.networks.vgg11 import VGG11Ratio
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.settings import StepLossForm
from bddm_ref.training import BatchLoss
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Convention, Experiment
from benchmarks.runtime.noise import EvaluatedNet
from benchmarks.tracks.images.data import Pictures
from benchmarks.tracks.images.diffusers_unet import DiffusersUNet
from benchmarks.tracks.parts import KnownNetworks, Networks
from benchmarks.tracks.unconditional import unconditional_schedule_loss, unconditional_score_loss

NETWORKS: KnownNetworks = {
    "score_net": {
        # Convolutions on the CPU are fastest with the channels last.
        "unet": lambda size, schedule: UNet(UNetConfig(**_tuples(size))).to(
            memory_format=torch.channels_last
        ),
        "diffusers_unet": DiffusersUNet,
    },
    "schedule_net": {
        "ratio": lambda size, schedule: ImageRatioNet(**size),
        "vgg11": lambda size, schedule: VGG11Ratio(**size),
    },
}


class ImageNetworks(Networks):
    """Networks of images without a condition."""

    known = NETWORKS

    def __init__(
        self,
        experiment: Experiment,
        training: NoiseSchedule,
        device: torch.device,
        pictures: Pictures,
    ) -> None:
        super().__init__(experiment, training, device)
        self._pictures = pictures

    def refuse_impossible(self) -> None:
        """Refuse a score network that cannot take the images.

        Raises:
            ExperimentError: the network is unknown, or the images do not fit it.
        """
        score_net = self.build_score_net()
        try:
            with torch.inference_mode():
                score_net(torch.zeros(1, *self._pictures.images.shape), torch.full((1,), 0.5), None)
        except ValueError as error:
            raise ExperimentError(f"score_net: {error}") from error

    def sizes(self, role: str, convention: Convention | None = None) -> dict[str, Any]:
        """The channels of the images."""
        name = "image_channels" if role == "score_net" else "channels"
        return {name: self.experiment.image.channels}

    def for_convention(self, score_net: nn.Module, convention: Convention) -> nn.Module:
        """Clip the score network's clean estimate in a convention that says so."""
        return ClippedScoreNet(score_net) if convention.clip else score_net

    def score_batch_loss(self, score_net: nn.Module) -> BatchLoss:
        """Make the score loss on random images."""
        config = self.experiment.score_net
        draw = self._pictures.drawn(config.batch_size, self.device)
        return unconditional_score_loss(score_net, draw, config, self.training)

    def schedule_batch_loss(
        self,
        networks: tuple[nn.Module, nn.Module],
        convention: Convention,
        form: StepLossForm,
        tau: int,
    ) -> BatchLoss:
        """Make the step loss on random images."""
        score_net, schedule_net = networks
        seen = EvaluatedNet(self.for_convention(score_net, convention), self.experiment.bf16)
        config = self.experiment.schedule_net
        draw = self._pictures.drawn(config.batch_size, self.device)
        return unconditional_schedule_loss(
            (seen, schedule_net), draw, self.training, form, tau, config.reduction
        )


def _tuples(size: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in size.items()}
