"""Clips that PESQ cannot take safely are failures before its library is called."""

from __future__ import annotations

import math

import numpy as np
import pesq
import pystoi
import pytest

from metrics import speech
from metrics.items import REASONS, Failure, ItemMetric, score_item
from metrics.pesq_domain import most_utterances
from metrics.speech import SPEECH_METRICS
from synthetic.voices import RATE, Wave, syllables, words

PESQ = ("pesq_wb_lqo", "pesq_nb_lqo", "pesq_nb_raw")
LOW_RATE = 8_000


def never(*arguments: object) -> float:
    raise AssertionError("the library was called")


@pytest.mark.parametrize("count", [1, 30, 49, 70])
@pytest.mark.parametrize(
    ("spoken", "pause", "rate"), [(0.4, 0.4, RATE), (0.3, 0.25, RATE), (0.5, 0.3, LOW_RATE)]
)
def test_words_between_pauses_are_utterances(
    count: int, spoken: float, pause: float, rate: int
) -> None:
    assert most_utterances(words(count, spoken, pause, rate), rate) == count


def test_clicks_are_no_utterances() -> None:
    assert most_utterances(words(60, 0.05, 0.4), RATE) == 0


def test_noise_in_the_pauses_and_words_of_unlike_loudness_hide_no_utterance() -> None:
    clip = words(60, 0.4, 0.4)
    loudness = np.repeat(np.geomspace(1.0, 0.2, 60), len(clip) // 60)
    noise = 0.003 * np.random.default_rng(0).normal(size=clip.size)
    assert most_utterances(clip * loudness + noise, RATE) >= 55


@pytest.mark.parametrize("name", PESQ)
@pytest.mark.parametrize(
    ("clip", "failure"),
    [
        (words(50, 0.4, 0.4), Failure.MANY_UTTERANCES),
        (words(55, 0.25, 0.3), Failure.MANY_UTTERANCES),
        (words(64, 0.4, 0.4), Failure.MANY_UTTERANCES),
        (words(100, 0.5, 0.35), Failure.MANY_UTTERANCES),
        (words(2, 46.0, 0.5), Failure.TOO_LONG),
        (words(1, 90.1, 0.0), Failure.TOO_LONG),
    ],
)
def test_clips_beyond_the_tables_are_refused(
    name: str, clip: Wave, failure: Failure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pesq, "pesq", never)
    score = score_item(SPEECH_METRICS[name], clip, clip, RATE)
    assert math.isnan(score.value)
    assert score.reason == REASONS[failure]


@pytest.mark.slow
@pytest.mark.parametrize(
    "clip", [words(40, 0.4, 0.4, LOW_RATE), words(49, 0.3, 0.25, LOW_RATE), syllables(12.0)]
)
def test_clips_inside_the_tables_get_the_librarys_score(clip: Wave) -> None:
    noisy = clip + 0.01 * np.random.default_rng(1).normal(size=clip.size)
    score = score_item(SPEECH_METRICS["pesq_nb_lqo"], noisy, clip, LOW_RATE)
    assert score.value == pesq.pesq(LOW_RATE, clip, noisy, "nb")
    assert 1.0 < score.value < 4.5


@pytest.mark.parametrize(
    ("found", "failure"),
    [
        (4.8, Failure.OFF_SCALE),
        (5.2, Failure.OFF_SCALE),
        (0.5, Failure.OFF_SCALE),
        (math.nan, Failure.NO_VALUE),
        (math.inf, Failure.NO_VALUE),
    ],
)
@pytest.mark.parametrize("name", PESQ)
def test_values_outside_the_scale_are_failures(
    name: str, found: float, failure: Failure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pesq, "pesq", lambda *arguments: found)
    speech._pesq_of_bytes.cache_clear()
    clip = syllables(1.0)
    assert score_item(SPEECH_METRICS[name], clip, clip, RATE).reason == REASONS[failure]


@pytest.mark.parametrize("error", [ZeroDivisionError("x"), ValueError("y"), RuntimeError("z")])
def test_an_error_of_a_library_costs_the_clip(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object, **options: object) -> float:
        raise error

    monkeypatch.setattr(pesq, "pesq", broken)
    monkeypatch.setattr(pystoi, "stoi", broken)
    speech._pesq_of_bytes.cache_clear()
    clip = syllables(1.0)
    for name in ("pesq_wb_lqo", "stoi", "estoi"):
        score = score_item(SPEECH_METRICS[name], clip, clip, RATE)
        assert score.reason == REASONS[Failure.LIBRARY_ERROR]


def test_the_default_that_pystoi_gives_for_too_few_frames_is_no_score(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pystoi, "stoi", lambda *arguments, **options: 1e-5)
    clip = syllables(1.0)
    score = score_item(SPEECH_METRICS["stoi"], clip, clip, RATE)
    assert score.reason == REASONS[Failure.FEW_FRAMES]


class Shares(ItemMetric):
    """The largest sample, on a scale from 0 to 1."""

    name, lowest, highest, higher_is_better = "shares", 0.0, 1.0, True

    @staticmethod
    def score(preds: object, target: object, sample_rate: int) -> float:
        return float(np.max(preds))  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("largest", "failure"),
    [(1.0 + 5e-5, None), (0.5, None), (1.01, Failure.OFF_SCALE), (-0.2, Failure.OFF_SCALE)],
)
def test_every_metric_keeps_to_its_scale(largest: float, failure: Failure | None) -> None:
    clip = np.array([largest, -5.0])
    expected = None if failure is None else REASONS[failure]
    assert score_item(Shares, clip, clip, RATE).reason == expected
