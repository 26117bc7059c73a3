"""What results say of the papers' search beside the frugal one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bddm_ref.checkpoint import sha256_of
from benchmarks.report.check import read_results, results_files
from benchmarks.report.evaluation import cost_key
from benchmarks.report.folders import further_results
from benchmarks.report.schema import Results
from benchmarks.report.standings import BDDM
from benchmarks.speed.schema import SearchPair

FRUGAL = "bddm-frugal"


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
                one.row.rsplit("-", 1)[1]: one
                for one in results.comparisons
                if one.metric == metric
                and one.row.startswith(f"{convention}/{FRUGAL}-")
                and one.against.rsplit("-", 1)[0] == f"{convention}/{BDDM}"
            }
            if found:
                info = results.metrics[metric]
                yield SearchPair(
                    source=str(path.relative_to(folder)),
                    source_sha256=sha256_of(path),
                    convention=convention,
                    nfe={name: cost.search_nfe for name, cost in costs.items()},
                    seconds={name: cost.search_seconds for name, cost in costs.items()},
                    metric=info.title,
                    higher_is_better=info.higher_is_better,
                    digits=info.digits,
                    differences={steps: one.difference for steps, one in found.items()},
                    p={steps: one.p_sign_flip for steps, one in found.items()},
                )
