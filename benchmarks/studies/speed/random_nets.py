"""Networks of the papers' size and of CPU size with random weights, in the harness's form.

Time does not depend on the weights, so that no network needs training or download.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn

from bddm_ref.checkpoint import roundable_parameters
from bddm_ref.extras.networks.inference import inference_form
from bddm_ref.extras.networks.vocoder import SpectralVocoder, SpectralVocoderConfig
from bddm_ref.networks.diffwave import DiffWave, DiffWaveConfig
from bddm_ref.networks.unet import UNet, UNetConfig
from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.loading import load
from benchmarks.data.features import HOP, MELS, SAMPLE_RATE, filterbank
from benchmarks.runtime.compiled import CompiledNet
from benchmarks.runtime.noise import EvaluatedNet
from benchmarks.runtime.precision import multiplies_bf16

Network = TypeVar("Network", bound=nn.Module)
Precision = Literal["float32", "bfloat16"]
TRAINING = NoiseSchedule.linear(1000, 1e-4, 0.02)
DIFFWAVE, VOCODER, UNET = "DiffWave of paper size", "CPU-scale vocoder", "U-Net of CPU size"
NAMES = (DIFFWAVE, VOCODER, UNET)
SPREAD = 1e-3  # larger values make the vocoder's samples grow without limit
FRAMES = 63  # frames of a clip: 16 128 samples, 1.008 s


def seeded(make: Callable[[], Network], device: torch.device, spread: float = 0.05) -> Network:
    """Make a network with random weights; zero-initialised layers get the deviation ``spread``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = make()
        for parameter in network.parameters():
            if not bool(parameter.any()):
                nn.init.normal_(parameter, std=spread)
    return network.to(device).eval().requires_grad_(False)


def noise(*shape: int, device: torch.device) -> Tensor:
    """Draw white noise, the same in every run."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1)).to(device)


def relative_error(made: Tensor, expected: Tensor) -> float:
    """Root mean square of the difference, relative to the root mean square of ``expected``."""
    made, expected = made.double(), expected.double()
    return float((made - expected).square().mean().sqrt() / expected.square().mean().sqrt())


@dataclass(frozen=True)
class RandomNet:
    """A network with random weights, and the shape of its items.

    Attributes:
        network: the network in inference form.
        net: the network in its precision, for samplers.
        device: device of the network.
        shape: shape of an item.
        frames: frames of a clip; None: images.
        precision: precision of the evaluations.
    """

    network: nn.Module
    net: EvaluatedNet
    device: torch.device
    shape: tuple[int, ...]
    frames: int | None
    precision: Precision

    @property
    def seconds_of_audio(self) -> float | None:
        """Seconds of audio in an item; None: images."""
        return None if self.frames is None else self.frames * HOP / SAMPLE_RATE

    def log_mel(self, items: int) -> Tensor | None:
        """Draw noise in place of mel spectrograms, ``(items, MELS, frames + 1)``; None: images."""
        if self.frames is None:
            return None
        return noise(items, MELS, self.frames + 1, device=self.device)

    def encode(self, log_mel: Tensor) -> Any:
        """Encode a condition, as the harness does."""
        with torch.no_grad(), self.net.precision(self.device):
            return self.network.encode(log_mel)  # type: ignore[operator]

    def condition(self, items: int) -> Any:
        """Make the condition of so many items; None: images."""
        log_mel = self.log_mel(items)
        return None if log_mel is None else self.encode(log_mel)

    def compiled(self) -> RandomNet:
        """The same network with evaluations through CUDA graphs."""
        network = CompiledNet(self.network, "reduce-overhead")
        net = EvaluatedNet(network, self.precision == "bfloat16")
        return replace(self, network=network, net=net)

    @property
    def failure(self) -> str | None:
        """Reason why compiling failed; None: no failure."""
        return self.network.failure if isinstance(self.network, CompiledNet) else None


def random_net(
    name: str,
    device: torch.device,
    frames: int = FRAMES,
    size: dict[str, Any] | None = None,
    float32: bool = False,
) -> RandomNet:
    """Make a network of :data:`NAMES` in inference form.

    Args:
        name: name of the network.
        device: device of the network.
        frames: frames of a clip; images ignore this.
        size: changes to the configuration, for tests of the cases.
        float32: use float32 even if the device has bfloat16.
    """
    network = seeded(lambda: _made(name, size or {}), device, SPREAD)
    bf16 = multiplies_bf16(device) and not float32
    if bf16:  # autocast would round the weights at every evaluation
        for _, parameter in roundable_parameters(network):
            parameter.data = parameter.data.to(torch.bfloat16)
    network = inference_form(network, bf16, as_it_is=device.type != "cpu")
    image = load("images-cpu").image
    images = name == UNET
    return RandomNet(
        network=network,
        net=EvaluatedNet(network, bf16),
        device=device,
        shape=(image.channels, image.size, image.size) if images else (frames * HOP,),
        frames=None if images else frames,
        precision="bfloat16" if bf16 else "float32",
    )


def _made(name: str, size: dict[str, Any]) -> nn.Module:
    if name == DIFFWAVE:
        return DiffWave(DiffWaveConfig(**size), TRAINING)
    if name == VOCODER:
        vocoder = {**load("cpu").score_net.size, **size}
        return SpectralVocoder(SpectralVocoderConfig(**vocoder), filterbank())
    experiment = load("images-cpu")
    unet = {"image_channels": experiment.image.channels, **experiment.score_net.size, **size}
    return UNet(UNetConfig(**unet))
