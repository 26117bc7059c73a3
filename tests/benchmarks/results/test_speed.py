"""Cases of speed: how they are found, and the ratio of two."""

from __future__ import annotations

import math

import pytest

from benchmarks.results.speed import paired_ratio, sampler_case
from synthetic.studies import ON_GPU, sampler, speed


def test_a_ratio_is_paired_by_round() -> None:
    pace = [1.0, 5.0, 1.0, 5.0, 1.0, 5.0]  # of the machine
    slow = sampler(1, 100, [p * ratio for p, ratio in zip(pace, [9.0, 11.0] * 3, strict=True)])
    found = paired_ratio(slow, sampler(1, 10, pace))
    assert found.value == pytest.approx(math.sqrt(99))  # the geometric mean
    assert found.low is not None
    assert found.high is not None
    assert 8.0 < found.low < 9.9 < found.high < 12.0
    assert found.n == 6


def test_an_equal_ratio_in_all_rounds_is_exact() -> None:
    found = paired_ratio(sampler(1, 100, [2.0, 4.0]), sampler(1, 10, [1.0, 2.0]))
    assert found.value == pytest.approx(2.0)
    assert found.is_exact


def test_other_rounds_are_not_paired() -> None:
    with pytest.raises(ValueError, match="100 steps and 10 steps were not timed in the same"):
        paired_ratio(sampler(1, 100, [1.0] * 3), sampler(1, 10, [1.0] * 2))


def test_a_sampler_is_found_by_network_items_and_steps() -> None:
    wanted = sampler(1, 10, [2.0])
    cases = [*speed().cases, sampler(1, None, [1.0]), sampler(16, 10, [3.0]), wanted]
    assert sampler_case(cases, "A network", 1, 10) is wanted
    for network, items, steps in (("Another", 1, 10), ("A network", 2, 10), ("A network", 1, 9)):
        assert sampler_case(cases, network, items, steps) is None


def test_a_document_knows_whether_a_gpu_was_measured() -> None:
    assert speed().on_cpu
    assert not speed(provenance=ON_GPU).on_cpu
