"""Training of the classifier whose features judge images."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bddm_ref.training import BatchLoss
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import ImageConfig
from benchmarks.data.pixels import scaled
from benchmarks.tracks.images.data import CLASSES, Pictures
from metrics.extractors import ImageClassifier

SHIFT = 2  # pixels: the classifier is trained on images moved by up to this


def untrained_classifier(channels: int, seed: int) -> ImageClassifier:
    """Build the untrained classifier of images of some channels, initialised from a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ImageClassifier(channels, CLASSES)


def classifier_loss(
    classifier: nn.Module, pictures: Pictures, image: ImageConfig, device: torch.device
) -> BatchLoss:
    """Make the cross-entropy on random training images, each batch moved by up to SHIFT pixels.

    Args:
        classifier: images ``(B, C, H, W)`` in [-1, 1] to logits ``(B, CLASSES)``.
        pictures: the data.
        image: batch size, and whether images are mirrored.
        device: the device of the classifier.

    Raises:
        ExperimentError: the images have no labels.
    """
    images = pictures.train
    if images.labels is None:
        raise ExperimentError(
            f"image.extractor: {pictures.images.name} has no labels to train a classifier on; use "
            "'inception', or name trained weights in image.extractor_weights and leave out "
            "--from-scratch"
        )
    labels = images.labels

    def loss(step: int, generator: torch.Generator) -> Tensor:
        chosen = torch.randint(len(labels), (image.classifier_batch,), generator=generator)
        x = moved(scaled(images.pixels[chosen]), generator)
        if image.flips and torch.rand((), generator=generator) < 0.5:
            x = x.flip(-1)
        return F.cross_entropy(classifier(x.to(device)), labels[chosen].to(device))

    return loss


def moved(x: Tensor, generator: torch.Generator) -> Tensor:
    """Move a whole batch by up to SHIFT pixels; the background (-1) moves in.

    Args:
        x: images, ``(B, C, H, W)``.
        generator: a generator of the CPU.

    Returns:
        The moved images, same shape.
    """
    size = x.shape[-1]
    padded = F.pad(x, (SHIFT,) * 4, value=-1.0)
    top, left = torch.randint(2 * SHIFT + 1, (2,), generator=generator).tolist()
    return padded[..., top : top + size, left : left + size]
