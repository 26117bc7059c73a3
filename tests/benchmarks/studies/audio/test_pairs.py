"""Scores of pairs: rates, lengths, 16 bit, and what is done with clipped samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import scipy.signal

from benchmarks.studies.audio import pairs
from benchmarks.studies.audio.pairs import (
    PERCEPTUAL,
    SPECTRAL,
    Pair,
    PairScores,
    length_fault,
    score_pairs,
)
from metrics.pcm import as_pcm16
from metrics.speech import SPEECH_METRICS
from synthetic.audio import in_process, noisy
from synthetic.voices import word

RATE = 16_000


def scored(*some: Pair, spectral_rate: int = RATE) -> list[PairScores]:
    return list(score_pairs(some, in_process(), spectral_rate))


def values(found: PairScores) -> dict[str, float]:
    assert all(one.reason is None for one in found.scores.values())
    return {name: one.value for name, one in found.scores.items()}


CLEAN = word(1.2, rate=RATE)
NOISY = noisy(CLEAN, 0.01)
PAIR = Pair("a", CLEAN, RATE, NOISY, RATE)


def test_at_the_metrics_own_rate_the_scores_are_those_of_16_bit_clips() -> None:
    (found,) = scored(PAIR)
    sample, reference = as_pcm16(NOISY)[0], as_pcm16(CLEAN)[0]
    wanted = {
        name: SPEECH_METRICS[name].score(sample, reference, RATE)
        for name in (*PERCEPTUAL, *SPECTRAL)
    }
    assert values(found) == wanted
    assert (found.clipped, found.reference_clipped, found.unclipped) == (0, 0, None)
    as_floats = SPEECH_METRICS["ls_mse"].score(NOISY, CLEAN, RATE)
    assert found.scores["ls_mse"].value != as_floats


def test_clips_of_other_rates_are_brought_to_one() -> None:
    own = word(1.2, rate=22_050)
    clean = scipy.signal.resample_poly(own, 160, 147)  # 22 050 Hz to 24 000 Hz
    pair = Pair("a", clean, 24_000, noisy(own, 0.01), 22_050)
    (found,) = scored(pair, spectral_rate=22_050)
    (equal,) = scored(Pair("a", own, 22_050, pair.sample, 22_050), spectral_rate=22_050)
    assert values(found)["pesq_wb_lqo"] == pytest.approx(values(equal)["pesq_wb_lqo"], abs=0.05)
    assert values(found)["stoi"] == pytest.approx(values(equal)["stoi"], abs=0.01)
    (low,) = scored(pair, spectral_rate=16_000)
    assert values(low)["pesq_nb_raw"] == values(found)["pesq_nb_raw"]
    assert values(low)["mcd"] != values(found)["mcd"]


def test_the_longer_clip_is_cut_at_its_end() -> None:
    longer = Pair("a", CLEAN, RATE, np.append(NOISY, np.full(150, 0.3)), RATE)
    shorter = replace(PAIR, reference=np.append(CLEAN, np.full(150, 0.3)))
    (whole,), (one,), (other,) = scored(PAIR), scored(longer), scored(shorter)
    assert values(one) == values(other) == values(whole)


@pytest.mark.parametrize("more", [-201, 201])
def test_lengths_more_than_a_hop_apart_are_refused(more: int) -> None:
    count = len(CLEAN)
    assert length_fault(count + more, RATE, count, RATE) == (
        f"it has {count + more} samples at 16000 Hz ({(count + more) / RATE:.4f} s), and its "
        "reference has 19200 at 16000 Hz (1.2000 s): more than one hop of 12.5 ms apart"
    )
    assert length_fault(count + more - more // 201, RATE, count, RATE) is None
    assert length_fault(26_460, 22_050, count, RATE) is None  # 1.2 s, too
    wave = np.resize(NOISY, count + more)
    with pytest.raises(ValueError, match=r"a: it has .* more than one hop"):
        scored(replace(PAIR, sample=wave))


def test_clipped_samples_are_counted_and_scored_as_they_are_too() -> None:
    loud = 8 * NOISY
    count = int((np.abs(np.round(loud * 2**15)) > 2**15).sum())
    assert count > 100
    (found, plain) = scored(replace(PAIR, sample=loud), PAIR)
    assert (found.clipped, plain.clipped) == (count, 0)
    assert plain.unclipped is None
    assert found.unclipped is not None
    as_it_is = SPEECH_METRICS["stoi"].score(loud, as_pcm16(CLEAN)[0], RATE)
    assert found.unclipped["stoi"].value == as_it_is
    assert found.scores["stoi"].value != as_it_is
    (reference,) = scored(replace(PAIR, reference=8 * CLEAN))
    assert reference.reference_clipped > 100
    assert reference.clipped == 0


def test_a_pair_without_a_score_has_the_reason() -> None:
    (found,) = scored(replace(PAIR, sample=np.zeros(len(CLEAN))))
    assert {one.reason for one in found.scores.values()} == {"The scored clip is silent."}


def test_many_pairs_are_scored_in_order_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "TOGETHER", 2)
    monkeypatch.setattr(pairs, "PERCEPTUAL", ("stoi",))
    monkeypatch.setattr(pairs, "SPECTRAL", ())
    taken: list[int] = []
    done: list[int] = []

    def some() -> Iterator[Pair]:
        for i in range(5):
            taken.append(i)
            yield replace(PAIR, sample=noisy(CLEAN, 0.01 * 2**i))

    found = score_pairs(some(), in_process(), RATE, done.append)
    first = next(found)
    assert taken == [0, 1]
    every = [first.scores["stoi"].value, *(one.scores["stoi"].value for one in found)]
    assert every == sorted(every, reverse=True)
    assert (len(every), done) == (5, [2, 2, 1])
