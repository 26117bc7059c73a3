"""Predicted mean opinion scores (MOS): a model's estimate of listeners' ratings of a clip.

Nobody listened: keys and titles say "predicted". The models need no reference, so that they rate
recordings too. Compare samples with the recordings' own scores, which depend on the speaker, the
language and the length of the clips. Both packages (the extra ``mos``) ship their weights, which
run offline on the CPU. Silent, too short and non-finite clips have no score (`metrics.items`),
although the models would give one.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import as_file, files
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.polynomial.polynomial import polyval
from numpy.typing import ArrayLike

from metrics.items import ItemMetric, checked_clip

__all__ = [
    "MOS_METRICS",
    "MOS_PREDICTORS",
    "DistillMos",
    "DnsmosBak",
    "DnsmosOvrl",
    "DnsmosSig",
    "MosMetric",
    "MosPredictor",
    "distillmos",
    "dnsmos",
    "load_predictors",
    "predicted_metrics",
]

SAMPLE_RATE = 16_000  # Hz, for both models
WEIGHTS_SHA256 = {  # of the files in the wheels: a score's name stands for these weights alone
    "distillmos": "b18b3ac60227267cfb91e5d00ce22cc7b73716fd92f269484da1446e27031a40",
    "speechmos": "269fbebdb513aa23cddfbb593542ecc540284a91849ac50516870e1ac78f6edd",
}
SHORTEST = SAMPLE_RATE // 4  # as for PESQ; the models themselves rate a single sample
DNSMOS_SAMPLES = 144_160  # samples of a window: 9.01 s
DNSMOS_SCALES = ("sig", "bak", "ovrl")  # in the order of the model's outputs
DNSMOS_CURVES = (  # c_0 + c_1 r + c_2 r^2 maps the model's output r to the scale of P.835
    (0.0052439, 1.22083953, -0.08397278),
    (-0.39604546, 1.60915514, -0.13166888),
    (0.04602535, 1.11546468, -0.06766283),
)


def distillmos(preds: ArrayLike, sample_rate: int = SAMPLE_RATE) -> float:
    """Predict the MOS by DistillMOS, 1 to 5 (Stahl and Gamper 2025, arXiv 2502.05356).

    The model takes 7.68 s. It appends zeros to shorter clips, and averages windows of longer clips
    that start at most 1 s apart. The zeros hide faults of short clips. White noise at 30 dB in
    2.56 s of clean speech moved the prediction by 0.05; with the clips repeated to 7.68 s, by 0.67.
    Each window is scaled to a peak of 1, so that a gain changes nothing. The training data was
    mostly English.

    Args:
        preds: the scored clip, ``(L,)``.
        sample_rate: 16 000 Hz.

    Raises:
        UnscoredError: not finite, silent, or shorter than 1/4 s.
        ValueError: not ``(L,)``, another sample rate, or the package is not installed.
    """
    clip = checked_clip(preds, _shortest("DistillMOS", sample_rate))
    with torch.inference_mode():
        return float(_distillmos()(torch.from_numpy(clip).float()[None]))


def dnsmos(preds: ArrayLike, sample_rate: int = SAMPLE_RATE) -> dict[str, float]:
    """Predict the MOS by DNSMOS P.835, nominally 1 to 5 (Reddy et al. 2022, arXiv 2110.01763).

    The model takes 9.01 s. A shorter clip is doubled (appended to itself) until it is long enough.
    The scores of max(1, whole seconds - 9) windows, which start 1 s apart, are averaged. The
    package ``speechmos`` does the same, but its rounding loses windows 7 to 23, counted from 0: its
    scores differ for clips of 17 s or more after doubling. The model is sensitive to the level. An
    output of 5 becomes 4.01 (speech), 4.36 (background) or 3.93 (overall).

    Args:
        preds: the scored clip, ``(L,)``; samples beyond full scale (1) are clipped.
        sample_rate: 16 000 Hz.

    Returns:
        Scores of the speech (``sig``), of the background (``bak``; 5: nothing intrudes) and overall
        (``ovrl``).

    Raises:
        UnscoredError: not finite, silent, or shorter than 1/4 s.
        ValueError: not ``(L,)``, another sample rate, or a package is not installed.
    """
    clip = checked_clip(preds, _shortest("DNSMOS", sample_rate))
    scores = _dnsmos_of_bytes(clip.clip(-1.0, 1.0).astype(np.float32).tobytes())
    return dict(zip(DNSMOS_SCALES, scores, strict=True))


# One computation gives the three scales: keep the scores of the last clip.
@lru_cache(maxsize=1)
def _dnsmos_of_bytes(clip: bytes) -> tuple[float, ...]:
    samples = np.frombuffer(clip, np.float32)
    while len(samples) < DNSMOS_SAMPLES:
        samples = np.concatenate([samples, samples])
    count = max(1, len(samples) // SAMPLE_RATE - 9)
    starts = range(0, count * SAMPLE_RATE, SAMPLE_RATE)
    windows = [samples[start : start + DNSMOS_SAMPLES] for start in starts]
    # Windows are scored one by one: a batch is no faster, and would change rounding.
    outputs = [_dnsmos().run(None, {"input_1": window[None]})[0][0] for window in windows]
    raw = np.array(outputs, np.float64).T
    return tuple(
        float(polyval(r, curve).mean()) for r, curve in zip(raw, DNSMOS_CURVES, strict=True)
    )


def _shortest(name: str, sample_rate: int) -> int:
    if sample_rate != SAMPLE_RATE:
        raise ValueError(f"{name} is defined at {SAMPLE_RATE} Hz, not at {sample_rate}")
    return SHORTEST


@lru_cache(maxsize=1)
def _distillmos() -> Any:
    library = _package("DistillMOS", "distillmos.sqa")
    with torch.random.fork_rng(devices=[]):  # the weights are drawn before they are loaded
        # The model could load its weights itself, but would print their path.
        model = library.ConvTransformerSQAModel(load_weights=False)
    file = _published(Path(library.DEFAULT_WEIGHTS_CHKPT), "distillmos")
    model.load_state_dict(torch.load(file, map_location="cpu", weights_only=True)["model"])
    return model.eval()


@lru_cache(maxsize=1)
def _dnsmos() -> Any:
    # Only the model file of speechmos is used: the package's code compiles a mel filterbank at its
    # first score, for a scale that is not used here.
    _package("DNSMOS", "speechmos")
    library = _package("DNSMOS", "onnxruntime")
    options = library.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # cores are for items
    with as_file(files("speechmos") / "dnsmos_models" / "sig_bak_ovr.onnx") as model:
        _published(model, "speechmos")
        return library.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _published(weights: Path, package: str) -> Path:
    """Refuse weights that are not the published ones; return their file."""
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    if digest != WEIGHTS_SHA256[package]:
        version = importlib.metadata.version(package)
        raise ValueError(
            f"{weights} of {package} {version} is not the model whose scores are known by this "
            f"name: its SHA-256 starts with {digest[:8]}, not {WEIGHTS_SHA256[package][:8]}; "
            "reinstall the package: pip install --force-reinstall 'bddm-benchmark[mos]'"
        )
    return weights


def _package(predictor: str, module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]
        raise ValueError(
            f"{predictor} needs the package {name}: pip install 'bddm-benchmark[mos]'"
        ) from error


class MosMetric(ItemMetric):
    """A predicted MOS, which uses only the shape of ``target``."""

    digits = 2
    lowest, highest, higher_is_better = 1.0, 5.0, True
    slack = 0.5  # a regression may leave its scale a little
    unit = "predicted MOS"


class DistillMos(MosMetric):
    """The function `distillmos` as a metric of items."""

    name, title = "distillmos_predicted", "DistillMOS (predicted)"

    @staticmethod
    def score(preds: ArrayLike, target: ArrayLike, sample_rate: int) -> float:
        """Score one clip; arguments and failures as in `distillmos`."""
        return distillmos(preds, sample_rate)


class DnsmosOvrl(MosMetric):
    """The overall scale of `dnsmos` as a metric of items."""

    name, title = "dnsmos_ovrl_predicted", "DNSMOS OVRL (predicted)"
    scale: ClassVar[str] = "ovrl"

    @classmethod
    def score(cls, preds: ArrayLike, target: ArrayLike, sample_rate: int) -> float:
        """Score one clip; arguments and failures as in `dnsmos`."""
        return dnsmos(preds, sample_rate)[cls.scale]


class DnsmosSig(DnsmosOvrl):
    """The scale of `dnsmos` for the speech alone."""

    name, title, scale = "dnsmos_sig_predicted", "DNSMOS SIG (predicted)", "sig"


class DnsmosBak(DnsmosOvrl):
    """The scale of `dnsmos` for the background alone."""

    name, title, scale = "dnsmos_bak_predicted", "DNSMOS BAK (predicted)", "bak"


@dataclass(frozen=True)
class MosPredictor:
    """A model and its metrics."""

    package: str  # package whose wheel holds the weights
    load: Callable[[], object]
    metrics: tuple[type[MosMetric], ...]

    @property
    def version(self) -> str:
        """Version of the package; the weights are told by their checksum."""
        return importlib.metadata.version(self.package)


MOS_PREDICTORS = {
    "distillmos": MosPredictor("distillmos", _distillmos, (DistillMos,)),
    "dnsmos": MosPredictor("speechmos", _dnsmos, (DnsmosOvrl, DnsmosSig, DnsmosBak)),
}
"""The predictors by name."""


def predicted_metrics(names: Iterable[str]) -> dict[str, type[ItemMetric]]:
    """Select the metrics, by key, of predictors with these names in `MOS_PREDICTORS`."""
    return {metric.name: metric for name in names for metric in MOS_PREDICTORS[name].metrics}


def load_predictors(names: Iterable[str]) -> None:
    """Load models now, so that a missing package raises an error before any work.

    Args:
        names: keys of `MOS_PREDICTORS`.

    Raises:
        ValueError: a package is not installed, or its weights are not the published ones.
    """
    for name in names:
        MOS_PREDICTORS[name].load()


MOS_METRICS = predicted_metrics(MOS_PREDICTORS)
"""Every predicted MOS by its key in tables."""
