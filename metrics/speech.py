"""Quality of speech against a time-aligned reference; every argument order is ``(preds, target)``.

PESQ is three scales that must never be mixed: ``pesq_wb_lqo`` and ``pesq_nb_lqo`` are what the
``pesq`` package returns (ITU-T P.862.2 and P.862.1), ``pesq_nb_raw`` is P.862's own scale, in which
the papers report. A silent, too short or non-finite clip has no score (`metrics.items`).
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

import numpy as np
import pesq as pesq_package
import pystoi
import scipy.fft
from numpy.typing import ArrayLike

from metrics._mel import N_FFT, log_mel
from metrics.items import (
    Failure,
    ItemMetric,
    UnscoredError,
    checked_pair,
)

__all__ = [
    "SPEECH_METRICS",
    "Estoi",
    "LsMse",
    "Mcd",
    "PesqNbLqo",
    "PesqNbRaw",
    "PesqWbLqo",
    "Stoi",
    "estoi",
    "ls_mse",
    "mcd",
    "pesq_lqo_from_raw",
    "pesq_nb_lqo",
    "pesq_nb_raw",
    "pesq_raw_from_lqo",
    "pesq_wb_lqo",
    "stoi",
]

LQO_LOW, LQO_SPAN = 0.999, 4.0  # ITU-T P.862.1: LQO lies in (0.999, 4.999)
SLOPE, OFFSET = 1.4945, 4.6607  # ITU-T P.862.1, narrow band only
STOI_RATE = 10_000  # Hz, pystoi resamples to it
STOI_SAMPLES = 256 + 30 * 128 + 1  # at 10 kHz: 30 frames of 256, hop 128, and pystoi skips the last
MCD_BANDS, MCD_ORDER = 80, 13
LS_BANDS, LS_HIGHEST = 128, 8_000.0


def pesq_lqo_from_raw(raw: float) -> float:
    """MOS-LQO of a raw narrow-band PESQ score (ITU-T P.862.1).

    >>> round(pesq_lqo_from_raw(4.5), 3)
    4.549
    """
    return LQO_LOW + LQO_SPAN / (1.0 + math.exp(OFFSET - SLOPE * raw))


def pesq_raw_from_lqo(lqo: float) -> float:
    """Raw narrow-band PESQ score of a MOS-LQO: the inverse of `pesq_lqo_from_raw`.

    Raises:
        ValueError: lqo is outside (0.999, 4.999).

    >>> round(pesq_raw_from_lqo(4.549), 2)
    4.5
    """
    if not LQO_LOW < lqo < LQO_LOW + LQO_SPAN:
        raise ValueError(f"a narrow-band PESQ LQO lies between 0.999 and 4.999, not {lqo}")
    return (OFFSET - math.log(LQO_SPAN / (lqo - LQO_LOW) - 1.0)) / SLOPE


def stoi(preds: ArrayLike, target: ArrayLike, sample_rate: int = 16_000) -> float:
    """Short-time objective intelligibility (Taal et al. 2011), at most 1.

    Args:
        preds: the scored clip, ``(L,)``.
        target: the reference, ``(L,)``.
        sample_rate: Hz; any.

    Raises:
        UnscoredError: not finite, silent, or fewer than 30 frames (0.41 s) that are not silent.
        ValueError: the shapes differ.
    """
    return _stoi(preds, target, sample_rate, extended=False)


def estoi(preds: ArrayLike, target: ArrayLike, sample_rate: int = 16_000) -> float:
    """Extended STOI (Jensen and Taal 2016), at most 1; arguments and failures as in `stoi`."""
    return _stoi(preds, target, sample_rate, extended=True)


def pesq_wb_lqo(preds: ArrayLike, target: ArrayLike, sample_rate: int = 16_000) -> float:
    """Wide-band PESQ as MOS-LQO (ITU-T P.862.2); identical clips score 4.644.

    Args:
        preds: the scored clip, ``(L,)``; only its level relative to the reference matters.
        target: the reference, ``(L,)``.
        sample_rate: 16 000 Hz.

    Raises:
        UnscoredError: not finite, silent, shorter than 1/4 s, or without an utterance.
        ValueError: the shapes differ, or another sample rate.
    """
    return _pesq(preds, target, sample_rate, "wb")


def pesq_nb_lqo(preds: ArrayLike, target: ArrayLike, sample_rate: int = 16_000) -> float:
    """Narrow-band PESQ as MOS-LQO (ITU-T P.862.1); identical clips score 4.549.

    Arguments and failures as in `pesq_wb_lqo`, but 8 000 Hz is a sample rate too.
    """
    return _pesq(preds, target, sample_rate, "nb")


def pesq_nb_raw(preds: ArrayLike, target: ArrayLike, sample_rate: int = 16_000) -> float:
    """Narrow-band PESQ on P.862's own scale; identical clips score 4.5. As `pesq_nb_lqo` else."""
    return pesq_raw_from_lqo(pesq_nb_lqo(preds, target, sample_rate))


def mcd(preds: ArrayLike, target: ArrayLike, sample_rate: int = 16_000) -> float:
    """Mel-cepstral distortion in dB; 0 for identical clips, and blind to a change of level.

    (10 / ln 10) sqrt(2 sum_{k=1..13} (c_k - c'_k)^2), mean over frames, no time warping. The c_k
    are the cosine series, sqrt(2 / 80) times the orthonormal DCT-II, of 80 natural-log mel
    magnitudes (Slaney's scale, unit area, 0 Hz to half the sample rate, floored at 1e-5) of an
    STFT 1024/256 with a Hann window; c_0 is left out. The papers do not say which definition
    theirs is, so their figures and these are not on one scale.

    Args:
        preds: the scored clip, ``(L,)``.
        target: the reference, ``(L,)``.
        sample_rate: Hz.

    Raises:
        UnscoredError: not finite, silent, or shorter than 1024 samples.
        ValueError: the shapes differ.
    """
    cepstra = [
        scipy.fft.dct(log_mel(clip, sample_rate, MCD_BANDS, sample_rate / 2), type=2, norm="ortho")
        for clip in checked_pair(preds, target, N_FFT)
    ]
    difference = (cepstra[0] - cepstra[1])[:, 1 : MCD_ORDER + 1]
    series = difference * math.sqrt(2 / MCD_BANDS)
    return float(10 / math.log(10) * np.sqrt(2 * (series**2).sum(1)).mean())


def ls_mse(preds: ArrayLike, target: ArrayLike, sample_rate: int = 16_000) -> float:
    """Log-spectral squared error: over 128 mel bands summed, over frames averaged.

    Natural log, floored at 1e-5, of 128 mel magnitudes (Slaney's scale, unit area, 0 to 8 kHz) of
    an STFT 1024/256 with a Hann window.

    Args:
        preds: the scored clip, ``(L,)``.
        target: the reference, ``(L,)``.
        sample_rate: Hz, at least 16 000.

    Raises:
        UnscoredError: not finite, silent, or shorter than 1024 samples.
        ValueError: the shapes differ, or 8 kHz is above half the sample rate.
    """
    if sample_rate < 2 * LS_HIGHEST:
        raise ValueError(f"ls_mse needs 16000 Hz or more, for its bands up to 8 kHz: {sample_rate}")
    logs = [
        log_mel(clip, sample_rate, LS_BANDS, LS_HIGHEST)
        for clip in checked_pair(preds, target, N_FFT)
    ]
    return float(((logs[0] - logs[1]) ** 2).sum(1).mean())


def _stoi(preds: ArrayLike, target: ArrayLike, sample_rate: int, extended: bool) -> float:
    shortest = (STOI_SAMPLES - 1) * sample_rate // STOI_RATE + 1
    scored, clean = checked_pair(preds, target, shortest)
    with warnings.catch_warnings(), _fixed_global_generator():
        warnings.simplefilter("ignore", RuntimeWarning)  # numpy's; a NaN is reported as a failure
        warnings.filterwarnings("error", "Not enough STFT frames", RuntimeWarning)
        try:
            return float(pystoi.stoi(clean, scored, sample_rate, extended=extended))
        except RuntimeWarning:
            raise UnscoredError(Failure.FEW_FRAMES) from None


@contextlib.contextmanager
def _fixed_global_generator() -> Iterator[None]:
    # pystoi adds noise of relative size 2e-16 from numpy's global generator before it normalises
    # (ESTOI): where a band is exactly zero, that noise alone decides the result.
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


def _pesq(
    preds: ArrayLike, target: ArrayLike, sample_rate: int, mode: Literal["wb", "nb"]
) -> float:
    rates = (16_000,) if mode == "wb" else (8_000, 16_000)
    if sample_rate not in rates:
        raise ValueError(f"PESQ ({mode}) is defined at {rates} Hz, not at {sample_rate}")
    scored, clean = checked_pair(preds, target, sample_rate // 4)
    return _pesq_of_bytes(scored.tobytes(), clean.tobytes(), sample_rate, mode)


# Two of the three scales are one computation, by far the slowest of all: keep the last results.
@lru_cache(maxsize=2)
def _pesq_of_bytes(scored: bytes, clean: bytes, sample_rate: int, mode: str) -> float:
    try:
        return float(
            pesq_package.pesq(sample_rate, np.frombuffer(clean), np.frombuffer(scored), mode)
        )
    except pesq_package.NoUtterancesError:
        raise UnscoredError(Failure.NO_UTTERANCE) from None
    except pesq_package.BufferTooShortError:
        raise UnscoredError(Failure.TOO_SHORT) from None
    except pesq_package.PesqError:
        raise UnscoredError(Failure.NO_VALUE) from None


class Stoi(ItemMetric):
    """`stoi` as a torchmetrics class."""

    title, digits = "STOI", 3
    name, lowest, highest, higher_is_better = "stoi", -1.0, 1.0, True
    score = staticmethod(stoi)


class Estoi(ItemMetric):
    """`estoi` as a torchmetrics class."""

    title, digits = "ESTOI", 3
    name, lowest, highest, higher_is_better = "estoi", -1.0, 1.0, True
    score = staticmethod(estoi)


class PesqWbLqo(ItemMetric):
    """`pesq_wb_lqo` as a torchmetrics class."""

    title, digits = "PESQ-WB (LQO)", 2
    name, lowest, highest, higher_is_better = "pesq_wb_lqo", 0.999, 4.644, True
    unit = "MOS-LQO"
    score = staticmethod(pesq_wb_lqo)


class PesqNbLqo(ItemMetric):
    """`pesq_nb_lqo` as a torchmetrics class."""

    title, digits = "PESQ-NB (LQO)", 2
    name, lowest, highest, higher_is_better = "pesq_nb_lqo", 0.999, 4.549, True
    unit = "MOS-LQO"
    score = staticmethod(pesq_nb_lqo)


class PesqNbRaw(ItemMetric):
    """`pesq_nb_raw` as a torchmetrics class."""

    title, digits = "PESQ-NB (raw)", 2
    name, lowest, highest, higher_is_better = "pesq_nb_raw", -0.5, 4.5, True
    score = staticmethod(pesq_nb_raw)


class Mcd(ItemMetric):
    """`mcd` as a torchmetrics class."""

    title, digits = "MCD [dB]", 2
    name, lowest, highest, higher_is_better = "mcd", 0.0, math.inf, False
    unit = "dB"
    score = staticmethod(mcd)


class LsMse(ItemMetric):
    """`ls_mse` as a torchmetrics class."""

    title, digits = "LS-MSE", 1
    name, lowest, highest, higher_is_better = "ls_mse", 0.0, math.inf, False
    score = staticmethod(ls_mse)


SPEECH_METRICS: dict[str, type[ItemMetric]] = {
    metric.name: metric for metric in (PesqWbLqo, PesqNbRaw, PesqNbLqo, Stoi, Estoi, Mcd, LsMse)
}
"""Every speech metric by its key in tables. To add one: a class above, and its entry here."""
