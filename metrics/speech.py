"""Quality of speech against a time-aligned reference; every argument order is ``(preds, target)``.

PESQ has three scales that must never be mixed:

===============  ==============================================================
metric           scale
===============  ==============================================================
``pesq_wb_lqo``  ITU-T P.862.2, as the package ``pesq`` returns it
``pesq_nb_lqo``  ITU-T P.862.1, as the package ``pesq`` returns it
``pesq_nb_raw``  ITU-T P.862, the scale of the papers
===============  ==============================================================

A clip outside a metric's domain has no score, and the reason is kept (`metrics.items`). No metric
scores a clip that is silent or not finite. The other limits:

=================  ================================================  ===============
metric             domain                                            scale
=================  ================================================  ===============
``pesq_wb_lqo``    1/4 s to 90 s, at most 49 utterances, 16 kHz      0.999 to 4.644
``pesq_nb_lqo``    1/4 s to 90 s, at most 49 utterances, 8 or 16 kHz 0.999 to 4.549
``pesq_nb_raw``    that of ``pesq_nb_lqo``                           -0.5 to 4.5
``stoi, estoi``    at least 30 frames (0.41 s) that are not silent   -1 to 1
``mcd``            at least 1024 samples                             0 or more
``ls_mse``         at least 1024 samples, 16 kHz or more             0 or more
=================  ================================================  ===============

A value outside the scale counts as a failure, never as a score. `metrics.pesq_domain` tells why
PESQ has upper limits.
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
    library_call,
)
from metrics.pesq_domain import refuse_unsafe

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
PESQ_HIGHEST = {"wb": 4.644, "nb": 4.549}  # LQO of identical clips
ROUNDING = 1e-4  # of PESQ, which computes in float32
PESQ_FAILURES: dict[type[Exception], Failure] = {
    pesq_package.NoUtterancesError: Failure.NO_UTTERANCE,
    pesq_package.BufferTooShortError: Failure.TOO_SHORT,
    pesq_package.PesqError: Failure.NO_VALUE,
}
STOI_RATE = 10_000  # Hz; pystoi resamples to this rate
STOI_NOTHING = 1e-5  # pystoi's answer, with a warning, where too few frames are left
STOI_SAMPLES = 256 + 30 * 128 + 1  # at 10 kHz: 30 frames of 256, hop 128, and pystoi skips the last
MCD_BANDS, MCD_ORDER = 80, 13
LS_BANDS, LS_HIGHEST = 128, 8_000.0


def pesq_lqo_from_raw(raw: float) -> float:
    """Map a raw narrow-band PESQ score to MOS-LQO (ITU-T P.862.1).

    >>> round(pesq_lqo_from_raw(4.5), 3)
    4.549
    """
    return LQO_LOW + LQO_SPAN / (1.0 + math.exp(OFFSET - SLOPE * raw))


def pesq_raw_from_lqo(lqo: float) -> float:
    """Map a MOS-LQO to a raw narrow-band PESQ score: the inverse of `pesq_lqo_from_raw`.

    Raises:
        ValueError: lqo is outside (0.999, 4.999).

    >>> round(pesq_raw_from_lqo(4.549), 2)
    4.5
    """
    if not LQO_LOW < lqo < LQO_LOW + LQO_SPAN:
        raise ValueError(f"a narrow-band PESQ LQO lies between 0.999 and 4.999, not {lqo}")
    return (OFFSET - math.log(LQO_SPAN / (lqo - LQO_LOW) - 1.0)) / SLOPE


def stoi(preds: ArrayLike, target: ArrayLike, sample_rate: int = 16_000) -> float:
    """Compute the short-time objective intelligibility, at most 1 (Taal et al. 2011).

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
    """Compute the extended STOI, at most 1 (Jensen and Taal 2016).

    Arguments and errors are those of `stoi`.
    """
    return _stoi(preds, target, sample_rate, extended=True)


def pesq_wb_lqo(preds: ArrayLike, target: ArrayLike, sample_rate: int = 16_000) -> float:
    """Compute wide-band PESQ as MOS-LQO (ITU-T P.862.2); identical clips score 4.644.

    Args:
        preds: the scored clip, ``(L,)``; only its level relative to the reference matters.
        target: the reference, ``(L,)``.
        sample_rate: 16 000 Hz.

    Raises:
        UnscoredError: not finite, silent, shorter than 1/4 s, without an utterance, longer than
            90 s, or of more utterances than PESQ takes (`metrics.pesq_domain`); or PESQ failed.
        ValueError: the shapes differ, or another sample rate.
    """
    return _pesq(preds, target, sample_rate, "wb")


def pesq_nb_lqo(preds: ArrayLike, target: ArrayLike, sample_rate: int = 16_000) -> float:
    """Compute narrow-band PESQ as MOS-LQO (ITU-T P.862.1); identical clips score 4.549.

    Arguments and errors are those of `pesq_wb_lqo`; 8 000 Hz is allowed too.
    """
    return _pesq(preds, target, sample_rate, "nb")


def pesq_nb_raw(preds: ArrayLike, target: ArrayLike, sample_rate: int = 16_000) -> float:
    """Compute narrow-band PESQ on P.862's own scale; identical clips score 4.5.

    Arguments and errors are those of `pesq_nb_lqo`.
    """
    return pesq_raw_from_lqo(pesq_nb_lqo(preds, target, sample_rate))


def mcd(preds: ArrayLike, target: ArrayLike, sample_rate: int = 16_000) -> float:
    """Compute the mel-cepstral distortion in dB, 0 for identical clips.

    It is the mean over frames of (10 / ln 10) sqrt(2 sum_{k=1..13} (c_k - c'_k)^2), without time
    warping. The c_k are the cosine series, sqrt(2 / 80) times the orthonormal DCT-II, of 80
    natural-log mel magnitudes: Slaney's scale, unit area, 0 Hz to half the sample rate, floored at
    1e-5, of an STFT 1024/256 with a Hann window. Without c_0 a change of level changes nothing. The
    papers do not define their MCD: their figures may be on another scale.

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
    """Compute the log-spectral squared error, summed over bands and averaged over frames.

    The spectra are natural logs, floored at 1e-5, of 128 mel magnitudes (Slaney's scale, unit area,
    0 to 8 kHz) of an STFT 1024/256 with a Hann window.

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
        with library_call({RuntimeWarning: Failure.FEW_FRAMES}):
            value = float(pystoi.stoi(clean, scored, sample_rate, extended=extended))
    if value == STOI_NOTHING:
        raise UnscoredError(Failure.FEW_FRAMES)
    return value


@contextlib.contextmanager
def _fixed_global_generator() -> Iterator[None]:
    # Before ESTOI's normalisation pystoi adds noise of relative size 2e-16 from numpy's global
    # generator. Where a band is exactly zero, that noise alone decides the result.
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
    refuse_unsafe(clean, sample_rate)
    return _pesq_of_bytes(scored.tobytes(), clean.tobytes(), sample_rate, mode)


# Two of the three scales share one computation, the slowest of all metrics: keep the last results.
@lru_cache(maxsize=2)
def _pesq_of_bytes(scored: bytes, clean: bytes, sample_rate: int, mode: str) -> float:
    reference, degraded = np.frombuffer(clean), np.frombuffer(scored)
    with library_call(PESQ_FAILURES):
        value = float(pesq_package.pesq(sample_rate, reference, degraded, mode))
    if not math.isfinite(value):
        raise UnscoredError(Failure.NO_VALUE)
    if not LQO_LOW < value <= PESQ_HIGHEST[mode] + ROUNDING:
        raise UnscoredError(Failure.OFF_SCALE)
    return value


class Stoi(ItemMetric):
    """The function `stoi` as a metric of items."""

    title, digits = "STOI", 3
    name, lowest, highest, higher_is_better = "stoi", -1.0, 1.0, True
    score = staticmethod(stoi)


class Estoi(ItemMetric):
    """The function `estoi` as a metric of items."""

    title, digits = "ESTOI", 3
    name, lowest, highest, higher_is_better = "estoi", -1.0, 1.0, True
    score = staticmethod(estoi)


class PesqWbLqo(ItemMetric):
    """The function `pesq_wb_lqo` as a metric of items."""

    title, digits = "PESQ-WB (LQO)", 2
    name, lowest, highest, higher_is_better = "pesq_wb_lqo", 0.999, 4.644, True
    unit = "MOS-LQO"
    score = staticmethod(pesq_wb_lqo)


class PesqNbLqo(ItemMetric):
    """The function `pesq_nb_lqo` as a metric of items."""

    title, digits = "PESQ-NB (LQO)", 2
    name, lowest, highest, higher_is_better = "pesq_nb_lqo", 0.999, 4.549, True
    unit = "MOS-LQO"
    score = staticmethod(pesq_nb_lqo)


class PesqNbRaw(ItemMetric):
    """The function `pesq_nb_raw` as a metric of items."""

    title, digits = "PESQ-NB (raw)", 2
    name, lowest, highest, higher_is_better = "pesq_nb_raw", -0.5, 4.5, True
    score = staticmethod(pesq_nb_raw)


class Mcd(ItemMetric):
    """The function `mcd` as a metric of items."""

    title, digits = "MCD [dB]", 2
    name, lowest, highest, higher_is_better = "mcd", 0.0, math.inf, False
    unit = "dB"
    score = staticmethod(mcd)


class LsMse(ItemMetric):
    """The function `ls_mse` as a metric of items."""

    title, digits = "LS-MSE", 1
    name, lowest, highest, higher_is_better = "ls_mse", 0.0, math.inf, False
    score = staticmethod(ls_mse)


SPEECH_METRICS: dict[str, type[ItemMetric]] = {
    metric.name: metric for metric in (PesqWbLqo, PesqNbRaw, PesqNbLqo, Stoi, Estoi, Mcd, LsMse)
}
"""Every speech metric by its key in tables. To add one: a class above, and its entry here."""
