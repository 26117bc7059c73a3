"""What results say of the papers' search beside the frugal one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report.page import turned
from benchmarks.results.comparisons import cost_key, turned_verdict
from benchmarks.results.folders import further_results
from benchmarks.results.schema import Interval, MetricInfo, Results, Verdict
from benchmarks.results.standings import BDDM
from benchmarks.results.store import read_results, results_files

FRUGAL = "bddm-frugal"


@dataclass(frozen=True)
class SearchPair:
    """The papers' search and the frugal one, made in one run."""

    source: str  # results file
    convention: str
    nfe: dict[str, int]  # of each search, by contestant
    seconds: dict[str, float]
    info: MetricInfo
    differences: dict[int, Interval]  # frugal less the papers', paired, on test items, by steps
    p: dict[int, float | None]  # of the sign-flip or exchange test, by steps
    verdicts: dict[int, Verdict]  # of the frugal one's schedules, by steps
    behind: frozenset[int]  # steps at which interval and test find the papers' better


def search_pairs(folder: Path) -> list[SearchPair]:
    """Every run below a results folder that made both searches, by convention and metric.

    Raises:
        DamagedFileError: a results file is damaged.
    """
    return [
        pair
        for place in (folder, *further_results(folder))
        for path in results_files(place)
        for pair in _pairs_of(read_results(path), path, folder)
    ]


def _pairs_of(results: Results, path: Path, folder: Path) -> Iterator[SearchPair]:
    for convention in dict.fromkeys(row.convention for row in results.rows):
        keys = {name: cost_key(convention, name) for name in (BDDM, FRUGAL)}
        if not all(key in results.costs for key in keys.values()):
            continue
        costs = {name: results.costs[key] for name, key in keys.items()}
        for metric in results.experiment["headline"]:
            found = {
                int(one.row.rsplit("-", 1)[1]): one
                for one in results.comparisons
                if one.metric == metric
                and one.row.rsplit("-", 1)[0] == f"{convention}/{BDDM}"
                and one.against.rsplit("-", 1)[0] == f"{convention}/{FRUGAL}"
            }
            if found:
                info = results.metrics[metric]
                yield SearchPair(
                    source=str(path.relative_to(folder)),
                    convention=convention,
                    nfe={name: cost.search_nfe for name, cost in costs.items()},
                    seconds={name: cost.search_seconds for name, cost in costs.items()},
                    info=info,
                    differences={n: turned(one.difference) for n, one in found.items()},
                    p={n: one.p_sign_flip for n, one in found.items()},
                    verdicts={
                        n: turned_verdict(one, info.higher_is_better) for n, one in found.items()
                    },
                    behind=frozenset(n for n, one in found.items() if one.verdict == "better"),
                )
