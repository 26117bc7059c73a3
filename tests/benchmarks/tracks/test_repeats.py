"""Repeats of training and search in all tracks: intervals, pairs, gaps, and what they promise."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.core.experiment import Convention, Experiment
from benchmarks.core.loading import load
from benchmarks.core.rows import Row, Sampled
from benchmarks.results.comparisons import Evaluation
from benchmarks.results.schema import Comparison
from benchmarks.tracks.analytic.scored import ScoredPoints, _Found
from benchmarks.tracks.images.scored import FeatureSets, ScoredImages
from benchmarks.tracks.repeated import differences_by_repeat, groups_of, repeats_of
from benchmarks.tracks.speech.estimates import ScoredClips
from metrics.extractors import Extractor
from metrics.repeats import paired_table, table_interval
from metrics.statistics import Estimate, mean_interval

PLAIN = Convention("plain")
RECORDINGS = [f"ru_{i}" for i in range(12)]


def row(contestant: str, seeds: int = 5, items: int = 1) -> Row:
    return Row(PLAIN, contestant, 7, seeds, items)


def test_only_searched_rows_have_repeats() -> None:
    experiment = Experiment(repeats=3)
    assert repeats_of(experiment, row("bddm"), range(5)) == 3
    assert repeats_of(experiment, row("ddpm"), range(5)) == 1
    assert repeats_of(experiment, row("bddm"), (0, 3)) == 1  # one repeat alone has a schedule
    assert repeats_of(Experiment(), row("bddm"), range(5)) == 1
    assert (groups_of((0, 1, 3), 3), groups_of((0, 1, 3), 1)) == (2, 3)


def test_a_convention_may_have_repeats_of_its_own() -> None:
    few = dataclasses.replace(PLAIN, name="few", repeats=1)
    experiment = Experiment(repeats=3)
    assert repeats_of(experiment, row("bddm"), range(5)) == 3
    assert repeats_of(experiment, dataclasses.replace(row("bddm"), convention=few), range(5)) == 1


def test_sets_are_paired_by_number_and_joined_by_repeat() -> None:
    a, b = {0: 1.0, 2: 4.0, 3: 3.0}, {0: 0.5, 1: 9.0, 2: 1.0, 3: 1.5}
    assert differences_by_repeat(a, b, 3).tolist() == [1.0, 3.0]
    assert differences_by_repeat(a, {1: 2.0}, 3).tolist() == []


# Speech


def clips(rows: Mapping[str, Any], repeats: int = 3, seeds: tuple[int, ...] = ()) -> Evaluation:
    """Evaluate rows by scores ``(seeds, recordings)``; each recording gives two clips.

    Args:
        rows: contestant to scores.
        repeats: of training and search.
        seeds: numbers of the seeds of BDDM's row; empty: from 0 on.
    """
    experiment = Experiment(
        repeats=repeats, clips_per_recording=2, reference="ddpm-7", margins={"stoi": 0.1}
    )
    records, sampled = [], []
    for contestant, scores in rows.items():
        one = row(contestant, len(scores))
        numbers = seeds if seeds and contestant == "bddm" else tuple(range(len(scores)))
        sampled.append(Sampled(one, (Path("x"),) * len(scores), 7, seeds=numbers))
        for number, by_recording in zip(numbers, scores, strict=True):
            for name, value in zip(RECORDINGS, by_recording, strict=True):
                for clip, shift in ((1, -0.01), (2, 0.01)):
                    record = {"row": one.key, "seed": experiment.seed + number, "clipped": clip}
                    record |= {"item": f"{name}@{clip}", "scores": {"stoi": float(value) + shift}}
                    records.append(record)
    return ScoredClips(experiment, sampled, records).evaluate()


def drawn(seeds: int, repeat_spread: float, seed: int = 0) -> np.ndarray:
    source = np.random.default_rng(seed)
    found: np.ndarray = (
        0.8
        + repeat_spread * source.normal(size=(seeds, 1))
        + 0.05 * source.normal(size=len(RECORDINGS))
        + 0.01 * source.normal(size=(seeds, len(RECORDINGS)))
    )
    return found


def ends(estimate: Estimate) -> tuple[float, float, float, float]:
    """Value, both ends and degrees of freedom."""
    assert estimate.df is not None
    return estimate.value, estimate.low, estimate.high, estimate.df


def only(evaluation: Evaluation) -> Comparison:
    (found,) = evaluation.comparisons
    return found


def test_a_searched_row_covers_repeats_and_recordings() -> None:
    bddm, ddpm = drawn(3, 0.1), drawn(3, 0.0, seed=1)
    found = clips({"bddm": bddm, "ddpm": ddpm})
    mine, theirs = (found.rows[f"plain/{name}-7"] for name in ("bddm", "ddpm"))
    assert (mine.repeats, theirs.repeats) == (3, 1)
    assert ends(mine.metrics["stoi"].estimate) == pytest.approx(ends(table_interval(bddm)))
    assert ends(theirs.metrics["stoi"].estimate) == pytest.approx(ends(mean_interval(ddpm.mean(0))))
    assert mine.metrics["stoi"].n == len(RECORDINGS)
    assert (mine.n_scored["stoi"], mine.clipped) == (72, 36 + 72)
    difference = only(found).difference.estimate
    assert ends(difference) == pytest.approx(ends(table_interval(bddm - ddpm)))
    assert len(found.test_items) == 24


def test_a_gap_in_the_repeats_keeps_the_pairs() -> None:
    bddm, ddpm = drawn(2, 0.1), drawn(3, 0.0, seed=1)
    found = only(clips({"bddm": bddm, "ddpm": ddpm}, seeds=(0, 2)))
    expected = table_interval(bddm - ddpm[[0, 2]])
    assert ends(found.difference.estimate) == pytest.approx(ends(expected))


def test_margins_are_tested_from_both_sides() -> None:
    shift = np.linspace(0.05, 0.07, len(RECORDINGS))  # worse than the margin of 0.1 it is not
    base = drawn(1, 0.0)
    found = only(clips({"bddm": base - shift, "ddpm": base}, repeats=1))
    assert found.p_sign_flip is not None
    assert found.p_margin is not None
    assert found.p_margin_turned is not None
    assert max(found.p_sign_flip, found.p_margin, found.p_margin_turned) < 0.001
    assert (found.verdict, found.turned(True).verdict) == ("as good", "better")
    far = only(clips({"bddm": base - 3 * shift, "ddpm": base}, repeats=1))
    assert far.verdict == "worse"


def test_two_runs_with_other_searches_do_not_differ_beyond_the_interval() -> None:
    """Run 20 rows twice with other trainings and searches: one or two may differ by chance.

    With intervals over recordings alone most of the rows would differ.
    """
    beyond, naive = 0, 0
    for one in range(20):
        source = np.random.default_rng(100 + one)
        recordings = 0.05 * source.normal(size=len(RECORDINGS))
        first, second = (
            dict(
                enumerate(
                    recordings
                    + 0.05 * source.normal(size=(5, 1))
                    + 0.01 * source.normal(size=(5, len(RECORDINGS)))
                )
            )
            for _ in range(2)
        )
        table = paired_table(first, second, (5, 5))
        assert table.shape == (5, len(RECORDINGS))
        found, alone = table_interval(table), mean_interval(table.mean(0))
        beyond += not found.low <= 0.0 <= found.high
        naive += not alone.low <= 0.0 <= alone.high
    assert beyond <= 3  # a binomial of 0.05 in 20 exceeds 3 once in 60
    assert naive >= 8


# Sets


class Two(Extractor):
    """Two features."""

    name, dimensions = "two", 2
    distance_title, kernel_title = "FD-two", "KD-two"

    def features(self, images: torch.Tensor) -> torch.Tensor:
        return images


def features(shift: float, seed: int, items: int = 60) -> torch.Tensor:
    return shift + torch.randn(items, 2, generator=torch.Generator().manual_seed(seed)).double()


def images(rows: Mapping[Row, list[torch.Tensor]], repeats: int = 3) -> Evaluation:
    experiment = load("images-cpu")
    experiment = dataclasses.replace(
        experiment,
        repeats=repeats,
        reference="ddpm-7",
        image=dataclasses.replace(experiment.image, resamples=50),
    )
    sets = FeatureSets(features(0.0, 900, 400), features(0.0, 901, 400))
    records = [
        {"row": one.key, "seed": seed, "images": 60, "classes": None}
        for one, found in rows.items()
        for seed in range(len(found))
    ]
    by_seed = {one: dict(enumerate(found)) for one, found in rows.items()}
    return ScoredImages(experiment, Two(), by_seed, sets, records).evaluate()


def sets(shift: float, count: int, first: int = 0) -> list[torch.Tensor]:
    return [features(shift, first + i) for i in range(count)]


def test_images_of_three_seeds_are_three_sets() -> None:
    many = images({row("bddm", 3, 60): sets(1.0, 3), row("ddpm", 3, 60): sets(0.0, 3)})
    one = images({row("ddpm", 1, 60): sets(1.0, 1)})
    mine = many.rows["plain/bddm-7"]
    assert (mine.repeats, mine.n_scored["fd"]) == (3, 180)
    for metric in ("fd", "fd_common", "kd", "precision", "recall"):
        found = mine.metrics[metric]
        assert (found.n, found.df) == (60, 2) or found.is_exact
    alone = one.rows["plain/ddpm-7"].metrics
    assert mine.metrics["fd"].value == pytest.approx(alone["fd"].value, rel=0.5)
    assert mine.metrics["kd"].value == pytest.approx(alone["kd"].value, rel=0.5)
    found = only(many)
    assert (found.difference.df, found.items) == (2, 60)
    assert found.verdict == "worse"
    assert found.p_margin is None


def test_six_sets_are_tested_by_flipped_signs() -> None:
    found = only(images({row("bddm", 6, 60): sets(1.0, 6), row("ddpm", 6, 60): sets(0.0, 6)}, 6))
    assert found.p_sign_flip == 2 / 64
    assert found.p_margin is not None
    assert found.difference.df == 5


def test_a_row_of_one_set_is_compared_by_welchs_t() -> None:
    found = only(images({row("bddm", 3, 60): sets(1.0, 3), row("ddpm", 1, 60): sets(0.0, 1)}))
    assert found.difference.df is not None
    assert found.difference.df > 2
    assert found.difference.low is not None
    assert found.difference.low > 0


def test_the_margin_of_a_distance_is_never_below_what_its_images_resolve() -> None:
    found = images({row("bddm", 1, 60): sets(0.1, 1), row("ddpm", 1, 60): sets(0.0, 1)})
    floor = found.floors["60"]["fd"]
    assert floor.low is not None
    assert floor.high is not None
    assert only(found).margin == pytest.approx((floor.high - floor.low) / 2)
    assert only(found).margin_from == "floor"
    far = only(images({row("bddm", 1, 60): sets(0.1, 1), row("ddpm", 1, 60): sets(9.0, 1)}))
    assert far.margin_from is None


def vectors(kl: Mapping[str, list[float]], repeats: int) -> Evaluation:
    """Evaluate rows of vectors with given divergences, one for each seed."""
    experiment = Experiment(
        repeats=repeats, reference="ddpm-7", margins={"kl": 0.01, "energy": 0.05}
    )
    found = {
        row(name, len(values), 60): _Found(
            dict(enumerate(sets(0.1, len(values)))),
            repeats_of(experiment, row(name), range(len(values))),
            dict(enumerate(values)),
        )
        for name, values in kl.items()
    }
    draws = {"plain": features(0.0, 800, 200)}
    return ScoredPoints(experiment, found, draws, {"plain": features(0.0, 801)}, []).evaluate()


def test_divergences_vary_between_repeats_alone() -> None:
    found = vectors({"bddm": [0.10, 0.12, 0.17], "ddpm": [0.05, 0.05, 0.05]}, repeats=3)
    mine, theirs = (found.rows[f"plain/{name}-7"].metrics for name in ("bddm", "ddpm"))
    assert mine["kl"].estimate.value == pytest.approx(0.13)
    assert mine["kl"].df == 2
    assert theirs["kl"].is_exact
    assert (mine["energy"].df, mine["energy"].n) == (2, 60)
    by_metric = {one.metric: one for one in found.comparisons}
    assert by_metric["kl"].difference.value == pytest.approx(0.08)
    assert by_metric["kl"].difference.df == 2
    assert by_metric["kl"].p_sign_flip is not None
    assert by_metric["energy"].p_margin is not None


def test_divergences_of_one_schedule_are_exact() -> None:
    found = vectors({"bddm": [0.1, 0.1], "ddpm": [0.05]}, repeats=1)
    kl = next(one for one in found.comparisons if one.metric == "kl")
    assert kl.difference.is_exact
    assert kl.verdict == "worse"
    assert found.rows["plain/bddm-7"].metrics["energy"].n == 120
