"""Claim tests of the wall-clock of whole samplers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.claims.samplers import SamplerSpeedUp
from benchmarks.results.folder import MissingResultError, ResultsFolder
from benchmarks.results.speed import SpeedCase, SpeedDocument
from synthetic.studies import ON_GPU, sampler, speed

Made = Callable[..., ResultsFolder]
TEST = SamplerSpeedUp(
    kind="sampler_speed_up",
    network="A network",
    steps=10,
    against_steps=1000,
    claimed=100,
    tolerance=0.1,
    level="GPU-scale",
    command="speed --device cuda",
)


def on_gpu(*cases: SpeedCase) -> SpeedDocument:
    return speed(provenance=ON_GPU, cases=list(cases))


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [
        ([100.0] * 25, "holds"),
        ([91.0] * 25, "holds"),
        ([80.0, 100.0] * 13, "open"),
        ([89.0] * 25, "does not hold"),
        ([100.0] * 24, "open"),  # too few rounds
    ],
)
def test_the_ratio_of_times_decides_round_by_round(
    folder_of: Made, ratios: list[float], expected: str
) -> None:
    pace = [1.0 + i % 3 for i in range(len(ratios))]  # of the machine, by round
    quick = sampler(1, 10, [0.01 * p for p in pace])
    slow = sampler(1, 1000, [0.01 * p * ratio for p, ratio in zip(pace, ratios, strict=True)])
    found = TEST.decide(folder_of(**{"speed-cuda": on_gpu(quick, slow)}))
    assert found.verdict == expected
    assert "steps 100.0; on a GPU" in found.measured
    assert ("24 rounds, of 25 for a verdict" in found.measured) is (len(ratios) < 25)
    assert TEST.at_steps == 10


def test_the_reason_says_what_is_missing(folder_of: Made) -> None:
    with pytest.raises(MissingResultError, match=r"speed-cuda\.json is not published"):
        TEST.decide(folder_of())
    slow = sampler(1, 1000, [1.0] * 9)
    with pytest.raises(MissingResultError, match="no sampler of A network with 10 steps at batch"):
        TEST.decide(folder_of(**{"speed-cuda": on_gpu(slow)}))


def test_other_rounds_are_not_compared(folder_of: Made) -> None:
    apart = on_gpu(sampler(1, 10, [1.0] * 9), sampler(1, 1000, [1.0] * 7))
    with pytest.raises(MissingResultError, match="were not timed in the same rounds"):
        TEST.decide(folder_of(**{"speed-cuda": apart}))


def test_the_document_of_the_cpu_can_be_asked(folder_of: Made) -> None:
    cases = [sampler(1, 10, [0.01] * 25), sampler(1, 1000, [1.0] * 25)]
    found = TEST.model_copy(update={"document": "speed"}).decide(
        folder_of(speed=speed(cases=cases))
    )
    assert found.verdict == "holds"
    assert found.measured.endswith("on cpu")
