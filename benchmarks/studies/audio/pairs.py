"""Scores of samples against references of any rates: the core of every command on audio files.

Both clips are rounded to 16 bit at their own rates, as a listener gets them, resampled by a
windowed sinc, and cut to the shorter one at their ends. PESQ and STOI are computed at 16 kHz. MCD
and LS-MSE depend on the rate, which the caller chooses; the papers' LJSpeech has 22 050 Hz.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.data.resampling import resampled
from metrics.items import ItemScore
from metrics.pcm import as_pcm16
from metrics.scoring import score_items
from metrics.workers import Workers

HOP = 300 / 24_000  # s; hops of vocoders: 300 samples at 24 kHz, 256 at 22.05 kHz (11.6 ms)
PERCEPTUAL = ("pesq_nb_raw", "pesq_nb_lqo", "pesq_wb_lqo", "stoi", "estoi")
PERCEPTUAL_RATE = 16_000  # Hz
SPECTRAL = ("mcd", "ls_mse")
PAPERS_RATE = 22_050  # Hz, of LJSpeech
TOGETHER = 16  # pairs in memory at a time

Waveform = NDArray[np.float64]


@dataclass(frozen=True)
class Pair:
    """A sample and its reference, ``(L,)`` each, with their rates in Hz; full scale = 1."""

    name: str
    reference: Waveform
    reference_rate: int
    sample: Waveform
    sample_rate: int


@dataclass(frozen=True)
class PairScores:
    """Scores of a pair.

    Attributes:
        clipped: samples of the sample that 16 bit cannot hold.
        reference_clipped: likewise, of the reference.
        scores: value or reason by metric, of 16-bit clips.
        unclipped: scores of the sample as it is, without rounding; None where nothing was clipped.
    """

    clipped: int
    reference_clipped: int
    scores: dict[str, ItemScore]
    unclipped: dict[str, ItemScore] | None


def length_fault(samples: int, rate: int, reference: int, reference_rate: int) -> str | None:
    """Say why two clips of these lengths cannot be compared; None: they can.

    A vocoder's output may be shorter or longer than the recording by a part of a hop. A larger
    difference means another recording, or another alignment.

    Args:
        samples: length of the sample.
        rate: its rate, Hz.
        reference: length of the reference.
        reference_rate: its rate, Hz.
    """
    seconds = samples / rate, reference / reference_rate
    if abs(seconds[0] - seconds[1]) <= HOP:
        return None
    return (
        f"it has {samples} samples at {rate} Hz ({seconds[0]:.4f} s), and its reference has "
        f"{reference} at {reference_rate} Hz ({seconds[1]:.4f} s): more than one hop of "
        f"{1000 * HOP:g} ms apart"
    )


def score_pairs(
    pairs: Iterable[Pair],
    pool: Workers,
    spectral_rate: int,
    observe: Callable[[int], None] = lambda done: None,
) -> Iterator[PairScores]:
    """Score pairs by the metrics in `PERCEPTUAL` and `SPECTRAL`.

    Args:
        pairs: the pairs; a few at a time are held in memory.
        pool: processes that score.
        spectral_rate: the rate of MCD and LS-MSE, Hz, 16 000 or more.
        observe: called with the number of pairs that were done since the last call.

    Yields:
        Scores of each pair, in order.

    Raises:
        ValueError: the lengths of a pair have a `length_fault`.
    """
    waiting = iter(pairs)
    while some := list(itertools.islice(waiting, TOGETHER)):
        yield from _scored(some, pool, spectral_rate)
        observe(len(some))


@dataclass(frozen=True)
class _Rounded:
    """A pair in 16 bit, with the numbers of clipped samples."""

    pair: Pair
    clipped: int
    reference_clipped: int


def _rounded(pair: Pair) -> _Rounded:
    lengths = len(pair.sample), pair.sample_rate, len(pair.reference), pair.reference_rate
    if (told := length_fault(*lengths)) is not None:
        raise ValueError(f"{pair.name}: {told}")
    sample, clipped = as_pcm16(pair.sample)
    reference, reference_clipped = as_pcm16(pair.reference)
    rounded = Pair(pair.name, reference, pair.reference_rate, sample, pair.sample_rate)
    return _Rounded(rounded, clipped, reference_clipped)


def _scored(pairs: Sequence[Pair], pool: Workers, spectral_rate: int) -> Iterator[PairScores]:
    rounded = [_rounded(pair) for pair in pairs]
    clipped = [i for i, one in enumerate(rounded) if one.clipped]
    as_they_are = [replace(rounded[i].pair, sample=pairs[i].sample) for i in clipped]
    clips = [*(one.pair for one in rounded), *as_they_are]
    perceptual = _at_rate(PERCEPTUAL, clips, pool, PERCEPTUAL_RATE)
    spectral = _at_rate(SPECTRAL, clips, pool, spectral_rate)
    scores = [one | other for one, other in zip(perceptual, spectral, strict=True)]
    unclipped = dict(zip(clipped, scores[len(pairs) :], strict=True))
    for i, one in enumerate(rounded):
        yield PairScores(one.clipped, one.reference_clipped, scores[i], unclipped.get(i))


def _at_rate(
    metrics: Sequence[str], pairs: Sequence[Pair], pool: Workers, rate: int
) -> list[dict[str, ItemScore]]:
    """Resample pairs to one rate, cut them to the shorter clip, and score them."""
    samples, references = [], []
    for pair in pairs:
        sample = _resampled(pair.sample, pair.sample_rate, rate)
        reference = _resampled(pair.reference, pair.reference_rate, rate)
        shorter = min(len(sample), len(reference))
        samples.append(sample[:shorter])
        references.append(reference[:shorter])
    return score_items(metrics, samples, references, rate, pool=pool)


def _resampled(waveform: Waveform, rate: int, wanted: int) -> Waveform:
    if rate == wanted:
        return waveform
    found = resampled(torch.from_numpy(waveform.astype(np.float32)), rate, wanted)
    made: Waveform = found.numpy().astype(np.float64)
    return made
