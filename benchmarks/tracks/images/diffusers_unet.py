"""U-Nets of the library diffusers as score networks of the image track."""

from __future__ import annotations

import inspect
from typing import Any

from torch import Tensor, nn

from bddm_ref.schedule import NoiseSchedule

FIXED = {  # with another value, a network is conditioned on something else than an integer step
    "time_embedding_type": "positional",
    "class_embed_type": None,
    "num_class_embeds": None,
    "center_input_sample": False,  # its process would run on images from 0 to 1
}


class DiffusersUNet(nn.Module):
    """Predict eps_theta(x, alpha) by a ``UNet2DModel`` of diffusers, trained on integer steps.

    The model's sinusoidal embedding (Ho et al. 2020) takes a fraction too. At the levels of the
    training schedule the output is exactly the library's.

    Args:
        size: arguments of ``UNet2DModel``, as in its ``config.json``, with ``image_channels`` for
            ``in_channels`` and ``out_channels``.
        schedule: the training schedule; maps a noise level to a fractional training step.

    Raises:
        TypeError: ``UNet2DModel`` has no such argument.
        ValueError: an argument makes another kind of network, or diffusers is not installed.
    """

    def __init__(self, size: dict[str, Any], schedule: NoiseSchedule) -> None:
        super().__init__()
        self.schedule = schedule
        arguments = dict(size)
        self.image_channels = arguments.pop("image_channels", 3)
        for name, value in FIXED.items():
            if arguments.get(name, value) != value:
                raise ValueError(f"{name} = {arguments[name]!r} is not supported, only {value!r}")
        self.unet = _model()(
            in_channels=self.image_channels, out_channels=self.image_channels, **arguments
        )
        self._factor = 2 ** (len(self.unet.config.block_out_channels) - 1)

    def forward(self, x: Tensor, alpha: Tensor, condition: Any = None) -> Tensor:
        """Predict the noise of x ``(B, C, H, W)`` at alpha ``(B,)`` float64, without a condition.

        Returns:
            eps, ``(B, C, H, W)``.

        Raises:
            ValueError: the images have other channels, or sides that cannot be halved as often as
                the network does.
        """
        channels, *sides = x.shape[1:]
        if channels != self.image_channels:
            raise ValueError(
                f"images of {channels} channels, but a network for {self.image_channels}; make "
                f"image.channels {self.image_channels}"
            )
        if any(side % self._factor for side in sides):
            raise ValueError(
                f"images of {tuple(sides)} need sides divisible by {self._factor}; make image.size "
                "such a number"
            )
        eps: Tensor = self.unet(x, self.schedule.step_of(alpha).float(), return_dict=False)[0]
        return eps


def known_arguments() -> frozenset[str]:
    """Names of the arguments of the installed ``UNet2DModel``.

    Raises:
        ValueError: diffusers is not installed.
    """
    return frozenset(inspect.signature(_model().__init__).parameters) - {"self"}


def _model() -> Any:
    try:
        from diffusers import UNet2DModel  # noqa: PLC0415 (an extra)
    except ImportError as error:
        raise ValueError(
            "this network needs the package diffusers: pip install 'bddm-benchmark[diffusers]'"
        ) from error
    return UNet2DModel
