"""Claim tests of published audio: paired by clip, open where there are too few clips."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.claims.authors_audio import AuthorsAtLeast, AuthorsNoninferior
from benchmarks.claims.kinds import ClaimTest
from benchmarks.results.folder import MissingResultError, ResultsFolder
from synthetic.audio import authors_audio

Made = Callable[..., ResultsFolder]
SHARED: dict[str, Any] = {"level": "authors' audio", "command": "authors-audio DIR", "set": "page"}
NONINFERIOR = AuthorsNoninferior(
    kind="authors_noninferior",
    system="net-8",
    against="other-1000",
    metric="pesq_nb_raw",
    margin=0.1,
    **SHARED,
)
AT_LEAST = AuthorsAtLeast(
    kind="authors_at_least", system="net-8", metric="stoi", bound=0.6, **SHARED
)
SPREAD = [3.0, 3.9, 2.5, 3.3, 3.6, 2.8, 3.1]  # of clips; differences are much smaller


def pair(*differences: float) -> dict[str, list[float]]:
    """PESQ of two systems whose differences by clip are these."""
    own = [value + one for value, one in zip(SPREAD, differences, strict=False)]
    return {"net-8": own, "other-1000": SPREAD}


def folder(folder_of: Made, systems: dict[str, list[float]]) -> ResultsFolder:
    return folder_of(**{"authors-audio": authors_audio(systems)})


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ([0.05, -0.05, 0.02, -0.03, 0.01, 0.0, -0.01], "holds"),
        ([0.3, 0.31, 0.32, 0.3, 0.29, 0.33, 0.3], "holds"),
        ([-0.3, -0.31, -0.32, -0.3, -0.29, -0.33, -0.3], "does not hold"),
        ([-0.3, 0.1, -0.2, 0.1, -0.3, 0.0, 0.1], "open"),
    ],
)
def test_the_paired_difference_decides(
    folder_of: Made, differences: list[float], expected: str
) -> None:
    found = NONINFERIOR.decide(folder(folder_of, pair(*differences)))
    assert found.verdict == expected
    assert found.measured.endswith(", margin 0.1; n = 7")
    mean = sum(differences) / 7
    assert found.measured.startswith(f"{mean:+.4f} [")


def test_a_metric_of_which_less_is_better_is_turned(folder_of: Made) -> None:
    by_spectrum = NONINFERIOR.model_copy(update={"metric": "ls_mse"})  # 100 - 10 PESQ
    ahead = folder(folder_of, pair(*[0.3, 0.31, 0.32, 0.3, 0.29, 0.33, 0.3]))
    assert by_spectrum.decide(ahead).verdict == "holds"


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_clips_are_an_indication(folder_of: Made, count: int) -> None:
    found = folder(folder_of, pair(*[0.3] * count))
    for test in (NONINFERIOR, AT_LEAST):
        decided = test.decide(found)
        assert decided.verdict == "open"
        assert decided.sides is None
        assert decided.measured.endswith(f"; n = {count}: an indication")


def test_clips_that_one_system_lacks_are_left_out(folder_of: Made) -> None:
    found = folder(folder_of, {"net-8": SPREAD, "other-1000": SPREAD[:6]})
    assert NONINFERIOR.decide(found).measured.endswith("; n = 6")
    some = NONINFERIOR.model_copy(update={"clips": "*-[0-2]"}).decide(found)
    assert some.measured.endswith("; n = 3: an indication")


@pytest.mark.parametrize(
    ("bound", "expected"), [(0.5, "holds"), (0.63, "open"), (0.8, "does not hold")]
)
def test_the_mean_over_clips_is_compared_with_the_bound(
    folder_of: Made, bound: float, expected: str
) -> None:
    test = AT_LEAST.model_copy(update={"bound": bound})
    found = test.decide(folder(folder_of, {"net-8": SPREAD, "other-1000": SPREAD}))
    assert found.verdict == expected
    assert found.measured.startswith("0.6343 [")
    assert found.measured.endswith("; n = 7")


def test_missing_results_are_reasons(folder_of: Made) -> None:
    with pytest.raises(MissingResultError, match=r"authors-audio\.json is not published"):
        NONINFERIOR.decide(folder_of())
    found = folder(folder_of, {"net-8": [3.0], "other-1000": [3.0]})
    for change, said in [
        ({"set": "gone"}, r"has no pesq_nb_raw of net-8 on clips \* of set gone"),
        ({"against": "gone-1"}, "has no pesq_nb_raw of gone-1 on clips"),
        ({"metric": "gone"}, "has no gone of net-8 on clips"),
    ]:
        with pytest.raises(MissingResultError, match=said):
            NONINFERIOR.model_copy(update=change).decide(found)


def test_questions_name_systems_clips_and_margin() -> None:
    assert NONINFERIOR.asked == (
        "net-8 as good as other-1000 by pesq_nb_raw on clips * of set page, to 0.1"
    )
    assert AT_LEAST.asked == "stoi of net-8 on clips * of set page at least 0.6"
    assert {type(NONINFERIOR), type(AT_LEAST)} <= {*ClaimTest.__args__}
