"""Feature extractors: networks whose features serve to compare images."""

from __future__ import annotations

import hashlib
import io
import pickle
import re
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

INCEPTION_FILE = "weights-inception-2015-12-05-6726825d.pth"
INCEPTION_SHA256 = "6726825d"  # first digits of the published file's SHA-256, as its name tells
NAMED_SHA256 = re.compile(r"-([0-9a-f]{8,64})\.[^.]+$")  # torch.hub's form of a file's name
SHOWN = 8  # digits of a checksum in a name
BATCH = 500  # images


class Extractor(nn.Module, ABC):
    """A network that turns images into features; a subclass gives ``features``.

    A Fréchet distance is called FID on the features of the published Inception weights alone.
    """

    dimensions: ClassVar[int]  # D of the features
    name: str

    @abstractmethod
    def features(self, images: Tensor) -> Tensor:
        """Map images ``(N, C, H, W)`` uint8 to features ``(N, D)`` float32.

        Raises:
            ValueError: the images are of another shape or type.
        """

    @property
    def distance_title(self) -> str:
        """Name of a Fréchet distance of these features."""
        return f"FD-{self.name}"

    @property
    def kernel_title(self) -> str:
        """Name of a kernel distance of these features."""
        return f"KD-{self.name}"


def checked_images(images: Tensor) -> Tensor:
    """Check images that are to be compared, and return them.

    Raises:
        ValueError: not ``(N, C, H, W)`` of 1 or 3 channels, or not uint8 from 0 to 255.
    """
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ValueError(
            f"images to compare are (N, C, H, W) with 1 or 3 channels, not {tuple(images.shape)}"
        )
    if images.dtype != torch.uint8:
        kind = str(images.dtype).removeprefix("torch.")
        low, high = (float(end) for end in images.aminmax()) if images.numel() else (0.0, 0.0)
        raise ValueError(
            f"images to compare are uint8 from 0 to 255, not {kind} from {low:.3g} to {high:.3g}; "
            "convert them"
        )
    return images


@torch.inference_mode()
def extract(extractor: Extractor, images: Tensor, batch: int = BATCH) -> Tensor:
    """Extract features of many images in batches, on the extractor's device.

    Args:
        extractor: in evaluation mode.
        images: ``(N, C, H, W)``, uint8, on the CPU.
        batch: images at a time.

    Returns:
        ``(N, D)`` on the CPU.

    Raises:
        ValueError: the images are not uint8, or of another shape.
    """
    checked_images(images)
    device = next(extractor.parameters()).device
    parts = [extractor.features(part.to(device)).cpu() for part in images.split(batch)]
    return torch.cat(parts)


class ImageClassifier(nn.Module):
    """A small convolutional classifier: three resolutions, two convolutions each.

    Args:
        channels: channels of the image.
        classes: number of classes.
        width: channels of the first resolution; each further one has twice as many.
        dimensions: D of the features before the last layer.
    """

    def __init__(
        self, channels: int = 1, classes: int = 10, width: int = 32, dimensions: int = 64
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = channels
        for after in (width, 2 * width, 4 * width):
            for _ in range(2):
                layers += [nn.Conv2d(before, after, 3, padding=1, bias=False)]
                layers += [nn.GroupNorm(8, after), nn.SiLU()]
                before = after
            layers.append(nn.MaxPool2d(2))
        self.convolutions = nn.Sequential(*layers)
        self.to_features = nn.Linear(before, dimensions)
        self.to_classes = nn.Linear(dimensions, classes)

    def embed(self, x: Tensor) -> Tensor:
        """Map images ``(N, C, H, W)`` in [-1, 1] to features ``(N, dimensions)``."""
        embedded: Tensor = self.to_features(self.convolutions(x).mean(dim=(-2, -1)))
        return embedded

    def forward(self, x: Tensor) -> Tensor:
        """Map images ``(N, C, H, W)`` in [-1, 1] to logits ``(N, classes)``."""
        logits: Tensor = self.to_classes(F.silu(self.embed(x)))
        return logits


class ClassifierExtractor(Extractor):
    """The features of a small trained classifier.

    Args:
        name: name of the classifier, which tells it from all others.
        classifier: classifier with its weights.

    Raises:
        ValueError: the classifier's features are not of 64 dimensions.
    """

    dimensions = 64

    def __init__(self, name: str, classifier: ImageClassifier) -> None:
        super().__init__()
        found = classifier.to_features.out_features
        if found != self.dimensions:
            raise ValueError(
                f"a classifier for distances has {self.dimensions} features, not {found}"
            )
        self.name = name
        self.classifier = classifier

    def features(self, images: Tensor) -> Tensor:
        """Extract the input of the classifier's last layer."""
        checked_images(images)
        return self.classifier.embed(_scaled(images))

    @torch.inference_mode()
    def classes(self, images: Tensor, batch: int = BATCH) -> Tensor:
        """Predict the most likely class of each uint8 image, ``(N,)`` int64 on the CPU."""
        checked_images(images)
        device = next(self.parameters()).device
        parts = [
            self.classifier(_scaled(part.to(device))).argmax(1).cpu()
            for part in images.split(batch)
        ]
        return torch.cat(parts)


class InceptionExtractor(Extractor):
    """An Inception network's 2048 features; the published weights define FID (Heusel et al. 2017).

    Weights are the published ones if their file has the published checksum. All other weights of
    the same shapes keep a name of their own, and their distances are not called FID.

    Args:
        weights: the file ``weights-inception-2015-12-05-6726825d.pth`` that torch-fidelity
            publishes, or other weights of the same network. The file is never fetched.

    Raises:
        ValueError: the file is missing, holds another network or weights that are not finite, or
            differs from the checksum in its name, or the package torch-fidelity is not installed.
    """

    dimensions = 2048

    def __init__(self, weights: str | Path | None) -> None:
        super().__init__()
        if weights is None or not Path(weights).is_file():
            raise ValueError(
                f"Inception's weights are missing: {weights or 'no file'} is what "
                f"image.extractor_weights names; give it the path of {INCEPTION_FILE}"
            )
        self.network, digest = _inception(Path(weights))
        self.is_published = digest.startswith(INCEPTION_SHA256)
        self.name = "inception" if self.is_published else f"inception-layout-{digest[:SHOWN]}"

    def features(self, images: Tensor) -> Tensor:
        """Extract the last pooling; the network resizes images itself."""
        checked_images(images)
        colour = images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images
        found: Tensor = self.network(colour)[0]
        return found.float()

    @property
    def distance_title(self) -> str:
        """Name of the Fréchet distance; FID with the published weights alone."""
        return "FID" if self.is_published else super().distance_title

    @property
    def kernel_title(self) -> str:
        """Name of the kernel distance; KID with the published weights alone."""
        return "KID" if self.is_published else super().kernel_title


def _inception(weights: Path) -> tuple[Any, str]:
    """Load the network, and the SHA-256 of the bytes that its weights were read from."""
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import (  # noqa: PLC0415 (an extra)
            FeatureExtractorInceptionV3,
        )
    except ImportError as error:
        raise ValueError(
            "FID needs the package torch-fidelity: pip install 'bddm-benchmark[fid]'"
        ) from error
    try:
        # The package unpickles whatever a file holds: it gets our own copy of the tensors, never
        # the file.
        content, copy = weights.read_bytes(), io.BytesIO()
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        torch.save(state, copy)
        copy.seek(0)
        network = FeatureExtractorInceptionV3(
            "inception-v3-compat", ["2048"], feature_extractor_weights_path=copy
        )
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, TypeError) as error:
        raise ValueError(
            f"{weights} does not hold Inception's weights; give the published {INCEPTION_FILE}"
        ) from error
    digest = hashlib.sha256(content).hexdigest()
    _refuse_false_name(weights, digest)
    for name, value in network.state_dict().items():
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise ValueError(
                f"{weights}: the weights {name!r} are not all finite; give the published "
                f"{INCEPTION_FILE}"
            )
    return network, digest


def _refuse_false_name(weights: Path, digest: str) -> None:
    """Refuse a file whose name tells another checksum than its content has."""
    told = NAMED_SHA256.search(weights.name)
    if told is not None and not digest.startswith(told[1]):
        raise ValueError(
            f"{weights} is not the published file of this name: its SHA-256 starts with "
            f"{digest[:SHOWN]}, not {told[1]}; fetch the file again, or rename other weights, "
            "whose distance is then not called FID"
        )


def _scaled(images: Tensor) -> Tensor:
    return images.float().div(127.5).sub(1)
