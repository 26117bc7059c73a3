"""The image track: unconditional generation, judged by distances between sets of features."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bddm_ref.checkpoint import load_weights
from bddm_ref.extras.gaussian import Distance, Spectrum, wasserstein
from bddm_ref.extras.networks.clipped import ClippedScoreNet
from bddm_ref.extras.networks.image_ratio import ImageRatioNet
from bddm_ref.files import sha256_of
from bddm_ref.losses import schedule_loss
from bddm_ref.networks.unet import UNet, UNetConfig
from bddm_ref.networks.vgg11 import VGG11Ratio
from bddm_ref.settings import StepLossForm
from bddm_ref.training import BatchLoss
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Convention
from benchmarks.core.rows import Sampled, rows_of
from benchmarks.data.images import Images, ImageSet, open_images
from benchmarks.data.pixels import pixels_of, scaled
from benchmarks.runtime.noise import EvaluatedNet
from benchmarks.runtime.workspace import Workspace
from benchmarks.searches.base import SearchProblem
from benchmarks.tracks.base import DrawItems, JudgeNet, NetworkMaker, Track, refuse_diverged
from benchmarks.tracks.images.diffusers_unet import DiffusersUNet
from benchmarks.tracks.images.gallery import write_grids
from benchmarks.tracks.images.judge import ImageJudge
from benchmarks.tracks.images.scores import CLASSES, ImageScores, score_images
from benchmarks.tracks.levels import unconditional_score_loss
from metrics.extractors import (
    ClassifierExtractor,
    Extractor,
    ImageClassifier,
    InceptionExtractor,
    extract,
)
from metrics.image import GaussianFit

SHORT_NAMES = {"fashion-mnist": "fmnist", "cifar-10": "cifar"}
SHIFT = 2  # pixels: the classifier is trained on images moved by up to this


class ImageTrack(Track):
    """Images of one size."""

    score_nets: ClassVar[dict[str, NetworkMaker]] = {
        # Convolutions on the CPU are fastest with the channels last.
        "unet": lambda size, schedule: UNet(UNetConfig(**_tuples(size))).to(
            memory_format=torch.channels_last
        ),
        "diffusers_unet": DiffusersUNet,
    }
    schedule_nets: ClassVar[dict[str, NetworkMaker]] = {
        "ratio": lambda size, schedule: ImageRatioNet(**size),
        "vgg11": lambda size, schedule: VGG11Ratio(**size),
    }

    metric_names = ("fd", "fd_common", "kd", "precision", "recall")
    margins_needed = ("fd",)

    def sizes(self, where: str, convention: Convention | None = None) -> dict[str, Any]:
        """The channels of the images."""
        name = "image_channels" if where == "score_net" else "channels"
        return {name: self.experiment.image.channels}

    @cached_property
    def data(self) -> ImageSet:
        """The images, located and verified once."""
        image = self.experiment.image
        return open_images(self.experiment.data, image.size, image.channels, self.progress)

    def item_shape(self, convention: Convention) -> tuple[int, ...]:
        """Channels, height, width."""
        return self.data.shape

    @property
    def item_inputs(self) -> dict[str, Any]:
        """Nothing: an image is a function of its noise alone."""
        return {}

    @property
    def training_inputs(self) -> dict[str, Any]:
        """Mirror images or not; size and channels are in the checksum of the data."""
        return {"flips": self.experiment.image.flips}

    @property
    def judge_inputs(self) -> dict[str, Any]:
        """Whose features, and of how many validation images."""
        reference = self.experiment.image.judge_reference
        return {"judge": self.judge_sha256, "judge_reference": reference}

    @cached_property
    def _train_images(self) -> Images:
        return self.data.split("train", "train", self.progress)

    def refuse_impossible(self) -> None:
        """What would fail only after hours is refused at once."""
        experiment = self.experiment
        if experiment.image.extractor == "inception":
            _ = self.extractor  # a missing file is told here
        counts = {"search.judge_items": experiment.search.judge_items}
        counts["search.finalist_items"] = experiment.search.finalist_items
        counts |= {f"rows: {row.name}": row.items * row.seeds for row in rows_of(experiment)}
        counts["image.judge_reference"] = experiment.image.judge_reference
        dimensions = self._dimensions
        for where, count in counts.items():
            if count < dimensions:
                raise ExperimentError(
                    f"{where}: {count} images are too few for a Fréchet distance of {dimensions} "
                    f"feature dimensions; make it {dimensions} or more"
                )
        for split, count in self.data.sizes().items():
            if count < dimensions:
                raise ExperimentError(
                    f"data: {self.data.name} has {count} images in its {split} split, too few for "
                    f"{dimensions} feature dimensions; give a larger data set"
                )
        score_net = self.build_score_net()
        try:
            with torch.inference_mode():
                score_net(torch.zeros(1, *self.data.shape), torch.full((1,), 0.5), None)
        except ValueError as error:
            raise ExperimentError(f"score_net: {error}") from error
        self.refuse_amplitudes("images")

    @property
    def _dimensions(self) -> int:
        inception = self.experiment.image.extractor == "inception"
        return (InceptionExtractor if inception else ClassifierExtractor).dimensions

    def for_convention(self, score_net: nn.Module, convention: Convention) -> nn.Module:
        """The score network, its clean estimate clipped where the convention says so."""
        return ClippedScoreNet(score_net) if convention.clip else score_net

    def _batch(self, count: int, generator: torch.Generator) -> Tensor:
        """Random training images, ``(count, C, H, W)`` in [-1, 1]."""
        pixels = self._train_images.pixels
        x_0 = scaled(pixels[torch.randint(len(pixels), (count,), generator=generator)])
        if self.experiment.image.flips:
            flipped = torch.rand(count, generator=generator) < 0.5
            x_0 = torch.where(flipped[:, None, None, None], x_0.flip(-1), x_0)
        return x_0

    def score_batch_loss(self, score_net: nn.Module) -> BatchLoss:
        """The score loss on random images."""
        config = self.experiment.score_net
        return unconditional_score_loss(
            score_net,
            lambda generator: self._batch(config.batch_size, generator).to(self.device),
            config,
            self.training,
        )

    def schedule_batch_loss(
        self,
        networks: tuple[nn.Module, nn.Module],
        convention: Convention,
        form: StepLossForm,
        tau: int,
    ) -> BatchLoss:
        """The step loss on random images."""
        config = self.experiment.schedule_net
        score_net, schedule_net = networks
        seen = EvaluatedNet(self.for_convention(score_net, convention), self.experiment.bf16)

        def loss(step: int, generator: torch.Generator) -> Tensor:
            x_0 = self._batch(config.batch_size, generator).to(self.device)
            both = (seen, schedule_net)
            return schedule_loss(both, x_0, None, self.training, tau, generator, form)

        return loss

    def drawn_items(self, convention: Convention) -> DrawItems:
        """Images."""
        count = self.experiment.schedule_net.batch_size
        return lambda generator: self._batch(count, generator).to(self.device)

    @property
    def judge_net(self) -> JudgeNet | None:
        """The classifier whose features are compared; None with Inception."""
        image = self.experiment.image
        if image.extractor == "inception":
            return None
        return JudgeNet(
            name="image classifier",
            weights=image.extractor_weights,
            build=self._build_classifier,
            batch_loss=self._classifier_loss,
            training=image.classifier_training,
            inputs={"batch": image.classifier_batch, "size": image.size, "flips": image.flips},
        )

    def _build_classifier(self) -> ImageClassifier:
        channels = self.data.shape[0]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.experiment.image.classifier_training.seed)
            return ImageClassifier(channels, CLASSES)

    def _classifier_loss(self, classifier: nn.Module) -> BatchLoss:
        """Cross-entropy on random images, each moved by up to SHIFT pixels."""
        images, image = self._train_images, self.experiment.image
        if images.labels is None:
            raise ExperimentError(
                f"image.extractor: {self.data.name} has no labels to train a classifier on; use "
                "'inception', or name trained weights in image.extractor_weights and leave out "
                "--from-scratch"
            )
        labels = images.labels

        def loss(step: int, generator: torch.Generator) -> Tensor:
            chosen = torch.randint(len(labels), (image.classifier_batch,), generator=generator)
            x = _moved(scaled(images.pixels[chosen]), generator)
            if image.flips and torch.rand((), generator=generator) < 0.5:
                x = x.flip(-1)
            return F.cross_entropy(classifier(x.to(self.device)), labels[chosen].to(self.device))

        return loss

    @cached_property
    def extractor(self) -> Extractor:
        """The network whose features are compared."""
        image = self.experiment.image
        if image.extractor == "inception":
            try:
                return InceptionExtractor(image.extractor_weights).to(self.device)
            except ValueError as error:
                raise ExperimentError(str(error)) from error
        assert self.judge_weights is not None
        classifier = self._build_classifier()
        load_weights(classifier, self.judge_weights)
        name = _trained_on(self.judge_weights) or self.data.name
        return ClassifierExtractor(SHORT_NAMES.get(name, name), classifier).to(self.device).eval()

    @cached_property
    def judge_sha256(self) -> str:
        """Checksum of the extractor's weights."""
        path = self.judge_weights or Path(self.experiment.image.extractor_weights or "")
        return sha256_of(path)

    def search_problem(
        self, score_net: nn.Module, evaluated: EvaluatedNet, convention: Convention
    ) -> SearchProblem:
        """The Fréchet distance of small batches of samples from the validation images."""
        valid = self.data.split("valid", "search", self.progress)
        pixels = valid.pixels[: self.experiment.image.judge_reference]
        judge = ImageJudge(
            evaluated,
            self.extractor,
            GaussianFit.of(extract(self.extractor, pixels)),
            self.data.shape,
            self.experiment,
        )
        return SearchProblem(
            judge,
            self.data.shape,
            None,
            (f"minus {self.extractor.distance_title}",),
        )

    def spectrum(self, convention: Convention) -> tuple[Spectrum, Distance]:
        """Principal components of the validation images."""
        pixels = self.data.split("valid", "search", self.progress).pixels
        items = scaled(pixels[: self.experiment.image.judge_reference]).flatten(1)
        return Spectrum.of_items(items, float(self.training.deltas[0])), wasserstein

    def examples(self, score_net: nn.Module, convention: Convention) -> tuple[Tensor, Any]:
        """As many validation images as there are judged of a finalist."""
        pixels = self.data.split("valid", "search", self.progress).pixels
        return scaled(pixels[: self.experiment.search.finalist_items]).to(self.device), None

    def conditions(self, score_net: nn.Module, indices: Sequence[int]) -> Any:
        """There are none."""
        return None

    def finished(self, x_0: Tensor, convention: Convention) -> Tensor:
        """Pixels, uint8.

        Raises:
            DivergedError: an image is not finite; as pixels it would be a black one.
        """
        refuse_diverged(x_0)
        return pixels_of(x_0)

    def score(self, workspace: Workspace, sampled: Sequence[Sampled]) -> ImageScores:
        """Features of every sample, and of the images they are compared with."""
        return score_images(self, workspace, sampled)

    def keep_examples(self, sampled: Sequence[Sampled], folder: Path) -> None:
        """One PNG grid for each row, all from the same noise, and one of test images."""
        if self.experiment.grid_items == 0:
            return
        test = self.data.split("test", "score", self.progress)
        write_grids(sampled, test.pixels, self.experiment.grid_items, folder / "grids")


def _trained_on(weights: Path) -> str | None:
    """The data that a network was trained on, as its card tells."""
    card = weights.with_suffix(".json")
    if not card.is_file():
        return None
    name: str | None = json.loads(card.read_text()).get("data")
    return name


def _moved(x: Tensor, generator: torch.Generator) -> Tensor:
    """The whole batch moved by up to SHIFT pixels, background (-1) moving in."""
    size = x.shape[-1]
    padded = F.pad(x, (SHIFT,) * 4, value=-1.0)
    top, left = torch.randint(2 * SHIFT + 1, (2,), generator=generator).tolist()
    return padded[..., top : top + size, left : left + size]


def _tuples(size: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in size.items()}
