"""Extractors: shapes, names, batches; Inception from a file, and the error without one."""

from __future__ import annotations

import hashlib
import io
import pickle
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from metrics import extractors
from metrics.extractors import (
    INCEPTION_FILE,
    ClassifierExtractor,
    ImageClassifier,
    InceptionExtractor,
    extract,
)


def pictures(n: int, channels: int = 1, size: int = 28) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (n, channels, size, size), generator=generator, dtype=torch.uint8)


@pytest.fixture
def extractor() -> ClassifierExtractor:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ClassifierExtractor("fmnist", ImageClassifier()).eval()


def test_features_and_classes(extractor: ClassifierExtractor) -> None:
    images = pictures(10)
    features = extract(extractor, images, batch=4)
    assert features.shape == (10, 64)
    assert features.dtype == torch.float32
    assert not features.requires_grad
    torch.testing.assert_close(features, extract(extractor, images, batch=10))
    logits = extractor.classifier(images.float() / 127.5 - 1)
    assert torch.equal(extractor.classes(images, batch=3), logits.argmax(1))


def test_the_last_layer_sees_the_features(extractor: ClassifierExtractor) -> None:
    x = pictures(3).float() / 127.5 - 1
    classifier = extractor.classifier
    hidden = torch.nn.functional.silu(classifier.embed(x))
    torch.testing.assert_close(classifier(x), classifier.to_classes(hidden))


def test_names_are_of_the_network(extractor: ClassifierExtractor) -> None:
    assert extractor.distance_title == "FD-fmnist"
    assert extractor.kernel_title == "KD-fmnist"


def test_other_dimensions_are_refused() -> None:
    with pytest.raises(ValueError, match="has 64 features, not 32"):
        ClassifierExtractor("fmnist", ImageClassifier(dimensions=32))


def test_colours_and_other_sizes() -> None:
    extractor = ClassifierExtractor("cifar", ImageClassifier(channels=3)).eval()
    assert extract(extractor, pictures(2, 3, 32)).shape == (2, 64)


@pytest.mark.parametrize("weights", [None, "nowhere.pth"])
def test_missing_inception_weights(weights: str | None) -> None:
    with pytest.raises(ValueError, match=r"image\.extractor_weights.*" + INCEPTION_FILE):
        InceptionExtractor(weights)


class Malicious:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("executed"),))  # type: ignore[return-value]


def files() -> dict[str, bytes]:
    other = io.BytesIO()
    torch.save({"some.weight": torch.zeros(3)}, other)
    evil = io.BytesIO()
    torch.save({"a": Malicious()}, evil)
    return {
        "empty": b"",
        "text": b"no weights at all",
        "another network": other.getvalue(),
        "truncated": other.getvalue()[:-40],
        "a pickle that executes code": evil.getvalue(),
        "a bare pickle that executes code": pickle.dumps(Malicious(), protocol=2),
    }


@pytest.mark.parametrize("name", files())
def test_files_that_are_not_inceptions_weights(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch_fidelity")
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "weights.pth"
    path.write_bytes(files()[name])
    with pytest.raises(ValueError, match=r"weights\.pth does not hold Inception's weights"):
        InceptionExtractor(path)
    assert not (tmp_path / "executed").exists()


def test_inception_without_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3", None)
    (tmp_path / "weights.pth").touch()
    with pytest.raises(ValueError, match=r"pip install 'bddm-benchmark\[fid\]'"):
        InceptionExtractor(tmp_path / "weights.pth")


# -- identity and name --------------------------------------------------------------------------


class SmallNetwork(torch.nn.Module):
    """A stand-in for torch-fidelity's network: three weights, read from a file."""

    def __init__(self, *_names: object, feature_extractor_weights_path: io.BytesIO) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(3))
        self.load_state_dict(torch.load(feature_extractor_weights_path, weights_only=True))

    def forward(self, images: Tensor) -> tuple[Tensor]:
        return (images.float().mean((2, 3)) * self.weight,)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = ModuleType("feature_extractor_inceptionv3")
    module.FeatureExtractorInceptionV3 = SmallNetwork
    monkeypatch.setitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3", module)


def weights_file(path: Path, scale: float = 1.0) -> str:
    """Write weights; returns their SHA-256."""
    torch.save({"weight": torch.arange(3.0) * scale}, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", ["weights.pth", "inception.pth", "inception-2015-12-05.pth"])
def test_weights_of_the_same_shapes_are_not_called_fid(tmp_path: Path, name: str) -> None:
    digest = weights_file(tmp_path / name)
    extractor = InceptionExtractor(tmp_path / name)
    assert extractor.distance_title == f"FD-inception-layout-{digest[:8]}"
    assert extractor.kernel_title == f"KD-inception-layout-{digest[:8]}"
    weights_file(tmp_path / name, scale=2)
    assert InceptionExtractor(tmp_path / name).distance_title != extractor.distance_title


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("scale", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, scale: float) -> None:
    weights_file(tmp_path / "weights.pth", scale)
    told = r"weights\.pth: the weights 'weight' are not all finite; give the published"
    with pytest.raises(ValueError, match=told):
        InceptionExtractor(tmp_path / "weights.pth")


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", [INCEPTION_FILE, "inception-0123456789abcdef.pth"])
def test_a_checksum_in_the_files_name_is_checked(tmp_path: Path, name: str) -> None:
    digest = weights_file(tmp_path / name)
    told = name.removesuffix(".pth").rpartition("-")[2]
    with pytest.raises(ValueError, match=f"starts with {digest[:8]}, not {told}; fetch the file"):
        InceptionExtractor(tmp_path / name)


@pytest.mark.usefixtures("small")
def test_the_published_checksum_makes_the_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = weights_file(tmp_path / "weights.pth")
    monkeypatch.setattr(extractors, "INCEPTION_SHA256", digest[:8])
    for name in ("weights.pth", f"inception-{digest[:8]}.pth"):
        (tmp_path / "weights.pth").rename(tmp_path / name)
        extractor = InceptionExtractor(tmp_path / name)
        assert (extractor.name, extractor.distance_title) == ("inception", "FID")
        assert extractor.kernel_title == "KID"
        (tmp_path / name).rename(tmp_path / "weights.pth")


def test_the_published_checksum_is_of_the_published_name() -> None:
    assert INCEPTION_FILE.endswith(f"-{extractors.INCEPTION_SHA256}.pth")


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (torch.rand(2, 1, 28, 28), "uint8 from 0 to 255, not float32"),
        (torch.zeros(2, 1, 28, 28, dtype=torch.int64), "uint8 from 0 to 255, not int64"),
        (torch.zeros(2, 1, 28, 28, dtype=torch.bool), "uint8 from 0 to 255, not bool"),
        (torch.zeros(1, 28, 28, dtype=torch.uint8), r"with 1 or 3 channels, not \(1, 28, 28\)"),
    ],
)
@pytest.mark.usefixtures("small")
def test_images_that_are_no_pixels_are_refused(
    tmp_path: Path, extractor: ClassifierExtractor, images: Tensor, told: str
) -> None:
    weights_file(tmp_path / "weights.pth")
    with pytest.raises(ValueError, match=told):
        extract(extractor, images)
    for call in (
        extractor.features,
        extractor.classes,
        InceptionExtractor(tmp_path / "weights.pth").features,
    ):
        with pytest.raises(ValueError, match=told):
            call(images)


@pytest.mark.slow
def test_inception_from_a_file(tmp_path: Path) -> None:
    """Write a network with random weights in the layout of the published file."""
    network = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    with torch.random.fork_rng(), pytest.MonkeyPatch.context() as patch:
        torch.manual_seed(0)
        patch.setattr(network, "load_state_dict_from_url", lambda *a, **k: None)
        patch.setattr(network.FeatureExtractorInceptionV3, "load_state_dict", lambda *a: None)
        built = network.FeatureExtractorInceptionV3("inception-v3-compat", ["2048"])
    torch.save(built.state_dict(), tmp_path / "weights.pth")
    extractor = InceptionExtractor(tmp_path / "weights.pth").eval()
    grey = pictures(2)
    features = extract(extractor, grey)
    assert features.shape == (2, 2048)
    assert extractor.distance_title.startswith("FD-inception-layout-")
    torch.testing.assert_close(features, extract(extractor, grey.repeat(1, 3, 1, 1)))
    torch.testing.assert_close(features, built(grey.repeat(1, 3, 1, 1))[0])


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (pictures(4).float() / 255, r"uint8 from 0 to 255, not float32 from 0 to 1; convert them"),
        (pictures(4).double() / 127.5 - 1, "uint8 from 0 to 255, not float64 from -1 to 1"),
        (pictures(4).int(), "uint8 from 0 to 255, not int32 from 0 to 255"),
        (torch.zeros(0, 1, 28, 28), "not float32 from 0 to 0"),
        (pictures(4)[0], r"\(N, C, H, W\) with 1 or 3 channels, not \(1, 28, 28\)"),
        (pictures(4, channels=4), r"with 1 or 3 channels, not \(4, 4, 28, 28\)"),
    ],
)
def test_what_is_no_uint8_image_is_refused(
    extractor: ClassifierExtractor, images: Tensor, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        extract(extractor, images)
    with pytest.raises(ValueError, match=message):
        extractor.classes(images)
