"""Runs of each track: rows, comparisons, times and costs that follow from a table of scores."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.core.rows import Role, RowKey
from benchmarks.report.registry import publish
from benchmarks.results.documents import Provenance
from benchmarks.results.forms import document_file
from benchmarks.results.items import write_items
from benchmarks.results.schema import Comparison, Cost, Data, Judge, RowResult, RowTime, RunResults
from benchmarks.results.verdicts import Interval, MetricInfo, verdict

Table = Mapping[str, Mapping[int, float]]  # contestant and steps to a score

DIGEST = "0" * 64
CREATED = "2026-01-02T03:04:05+00:00"
PROVENANCE = Provenance(
    commit="abcdef" + "0" * 34,
    tree="clean",
    python="3.11",
    packages={"torch": "2.14.1"},
    system="Linux x86_64",
    processor="a processor",
    cores=2,
    threads=2,
    device="cpu",
)
CLIPS = ["clip-0", "clip-1", "clip-2", "clip-3"]
IMAGES, FEW_IMAGES, POINTS = 500, 100, 200  # items of a row; few: of the reference
BDDM_COST, CONSTANTS_COST = 5000, 6000  # network evaluations of a search

SAMPLERS: dict[str, tuple[str, Role, str | None, bool]] = {
    "bddm": ("BDDM", "bddm", "tuned", True),
    "bddm-own": ("BDDM, a list for each item", "bddm", "tuned", False),
    "bddm-frugal": ("BDDM, frugal search", "bddm", "frugal", True),
    "constants": ("Two constants", "rival", "constants", False),
    "ddpm": ("DDPM, linear sub-sequence", "baseline", None, False),
    "ddim": ("DDIM, linear sub-sequence", "baseline", None, False),
}
"""Contestant to title, role, search, and whether it is compared with all rows of equal steps."""

FD: Table = {
    "bddm": {3: 30.0, 7: 20.0, 16: 10.0},
    "bddm-own": {3: 31.0, 7: 19.0, 16: 9.0},
    "constants": {3: 34.0, 7: 22.0, 16: 14.0},
    "ddpm": {3: 36.0, 7: 16.0, 16: 4.0, 1000: 1.0},
    "ddim": {3: 24.0, 7: 8.0, 16: 2.0},
}
"""Fréchet distances, by which DDIM is best at every number of steps."""
PESQ: Mapping[str, Table] = {
    "scaled": {
        "bddm": {3: 2.3, 7: 2.8, 16: 3.0},
        "constants": {3: 2.4, 7: 2.85, 16: 3.1},
        "ddpm": {3: 2.1, 7: 2.6, 16: 2.9, 1000: 3.2},
        "ddim": {3: 2.0, 7: 2.5, 16: 2.8},
    },
    "raw": {
        "bddm": {3: 2.5, 7: 2.9, 16: 3.1},
        "constants": {3: 2.2, 7: 2.8, 16: 3.0},
        "ddpm": {3: 1.8, 7: 2.0, 16: 2.2, 1000: 3.2},
        "ddim": {3: 1.9, 7: 2.0, 16: 2.1},
    },
}
KL: Table = {
    "bddm": {3: 0.07, 7: 0.04, 16: 0.02},
    "ddpm": {3: 0.30, 7: 0.20, 16: 0.10, 1000: 0.001},
    "ddim": {3: 0.05, 7: 0.04, 16: 0.03},
}


def around(value: float, half: float, n: int = 20) -> Interval:
    """An interval that reaches ``half`` to both sides; 0 makes it exact."""
    return Interval(value=value, low=value - half, high=value + half, n=n)


def timed(evaluations: int, stable: bool = True) -> RowTime:
    """A time of one millisecond for each evaluation, with 1000 evaluations as the reference."""
    seconds = evaluations / 1000
    return RowTime(
        median_s=seconds,
        q1_s=0.98 * seconds,
        q3_s=1.02 * seconds,
        rounds=5,
        stable=stable,
        rtf=None,
        speedup=around(1 / seconds, 0.05 / seconds, n=5),
        step_ratio=1 / seconds,
    )


def row(key: str, metrics: Mapping[str, Interval], **changes: Any) -> RowResult:
    """A row by its written key, scored by some metrics; ``changes`` are other fields of it."""
    found = RowKey.parse(key)
    title, role, search, compared = SAMPLERS.get(
        found.contestant, (found.contestant, "rival", None, False)
    )
    nfe = 2 * found.steps - 1 if found.contestant == "bddm-own" else found.steps
    total = changes.get("n_total", 0)
    fields: dict[str, Any] = {
        "key": key,
        "convention": found.convention,
        "contestant": found.contestant,
        "title": title,
        "role": role,
        "search": search,
        "compared": compared,
        "steps": found.steps,
        "nfe": nfe,
        "seeds": 1,
        "skipped": None,
        "metrics": dict(metrics),
        "n_scored": dict.fromkeys(metrics, total),
        "n_total": 0,
        "betas": None,
        "time": timed(nfe),
    }
    return RowResult.model_validate(fields | changes)


def compared(
    first: RowResult, second: RowResult, metric: str, half: float, margin: float, higher: bool
) -> Comparison:
    """The comparison of two rows, whose test agrees with the interval of the difference."""
    mine, theirs = first.metrics[metric], second.metrics[metric]
    difference = around((mine.value or 0.0) - (theirs.value or 0.0), half, min(mine.n, theirs.n))
    p = None if half == 0 else 0.001 if abs(difference.value or 0.0) > half else 0.5
    return Comparison(
        row=first.key,
        against=second.key,
        metric=metric,
        difference=difference,
        p_sign_flip=p,
        margin=margin,
        verdict=verdict(difference, margin, higher, p),
        seeds=min(first.seeds, second.seeds),
    )


def pairs(rows: Sequence[RowResult]) -> Iterator[tuple[RowResult, RowResult]]:
    """BDDM's rows with every row of equal steps, and with the reference."""
    for first in rows:
        for second in rows:
            same = first.convention == second.convention and first is not second
            reference = (second.contestant, second.steps) == ("ddpm", 1000)
            if first.compared and same and (reference or first.steps == second.steps):
                yield first, second


def cost(convention: str, contestant: str, search: str, nfe: int) -> Cost:
    """The cost of a search; only BDDM's need a schedule network."""
    needs = contestant.startswith("bddm")
    return Cost(
        convention=convention,
        contestant=contestant,
        search=search,
        schedule_net_parameters=700 if needs else 0,
        schedule_net_steps=2000 if needs else None,
        schedule_net_seconds=90.0 if needs else None,
        search_nfe=nfe,
        search_seconds=nfe / 100,
        search_scores={},
        pays_after_samples=None,
    )


def both_costs(convention: str) -> list[Cost]:
    """The costs of the papers' search and of two constants."""
    return [
        cost(convention, "bddm", "tuned", BDDM_COST),
        cost(convention, "constants", "constants", CONSTANTS_COST),
    ]


def run(track: str, rows: Sequence[RowResult], **changes: Any) -> RunResults:
    """A run of the given rows; ``changes`` are other fields, among them ``experiment``."""
    experiment = {"track": track} | changes.pop("experiment", {})
    fields: dict[str, Any] = {
        "kind": "run",
        "schema_version": 2,
        "created": CREATED,
        "provenance": PROVENANCE,
        "track": track,
        "meaningless": False,
        "experiment": experiment,
        "experiment_sha256": "e" * 64,
        "data": Data(name="the data", sha256="d" * 64, splits={"test": 300}, test_items=[]),
        "weights": {"score_net": DIGEST},
        "wall_seconds": {"search": 12.0},
        "clip_seconds": None,
        "metrics": {},
        "reference": "ddpm-1000",
        "network": None,
        "machine_busy": False,
        "rows": list(rows),
        "comparisons": [],
        "costs": [],
        "items_sha256": DIGEST,
    }
    return RunResults.model_validate(fields | changes)


def images(table: Table = FD, **changes: Any) -> RunResults:
    """A run of images in one convention, whose sets are compared by their distance."""
    rows = []
    for contestant, scores in table.items():
        for steps, value in scores.items():
            n = IMAGES if steps <= 100 else FEW_IMAGES
            metrics = {"fd": around(value, 1.0, n), "fd_common": around(value, 2.0, FEW_IMAGES)}
            rows.append(row(f"plain/{contestant}-{steps}", metrics, n_total=n))
    comparisons = [
        compared(first, second, "fd", 1.0, abs(second.value("fd") or 0.0) / 10, False).model_copy(
            update={"items": min(first.n_total, second.n_total)}
        )
        for first, second in pairs(rows)
    ]
    experiment = {
        "data": "fashion-mnist",
        "conventions": [{"name": "plain", "clip": True}],
        "margins": {"fd": 0.1},
        "headline": ["fd"],
        "test_items": IMAGES,
    }
    info = MetricInfo(title="FD-fmnist", digits=2, unit="", higher_is_better=False)
    fields: dict[str, Any] = {
        "experiment": experiment | changes.pop("experiment", {}),
        "metrics": {
            "fd": info,
            "fd_common": info.model_copy(update={"title": "FD-fmnist of 100"}),
        },
        "comparisons": comparisons,
        "costs": both_costs("plain"),
        "floors": {str(IMAGES): {"fd": around(0.5, 0.25, IMAGES)}},
        "judge": Judge(
            name="fmnist",
            distance="FD-fmnist",
            dimensions=64,
            reference="test",
            reference_images=10_000,
        ),
    }
    return run("images", rows, **(fields | changes))


def speech(table: Mapping[str, Table] = PESQ, **changes: Any) -> RunResults:
    """A run of speech in two conventions, with six noise seeds of each clip."""
    rows = []
    for convention, by_contestant in table.items():
        for contestant, scores in by_contestant.items():
            for steps, value in scores.items():
                metrics = {
                    "pesq_wb_lqo": around(value, 0.1, len(CLIPS)),
                    "stoi": around(0.9 + value / 50, 0.002, len(CLIPS)),
                }
                total = {"seeds": 6, "n_total": 6 * len(CLIPS)}
                rows.append(row(f"{convention}/{contestant}-{steps}", metrics, **total))
    fields: dict[str, Any] = {
        "data": Data(
            name="festvox-ru", sha256="d" * 64, splits={"test": len(CLIPS)}, test_items=CLIPS
        ),
        "clip_seconds": 2.56,
        "experiment": {"test_items": len(CLIPS)} | changes.pop("experiment", {}),
        "metrics": {
            "pesq_wb_lqo": MetricInfo(
                title="PESQ-WB (LQO)", digits=2, unit="", higher_is_better=True
            ),
            "stoi": MetricInfo(title="STOI", digits=3, unit="", higher_is_better=True),
        },
        "comparisons": [
            one
            for first, second in pairs(rows)
            for one in (
                compared(first, second, "pesq_wb_lqo", 0.05, 0.1, True),
                compared(first, second, "stoi", 0.001, 0.01, True),
            )
        ],
        "costs": [one for convention in table for one in both_costs(convention)],
    }
    return run("speech", rows, **(fields | changes))


def analytic(table: Table = KL, **changes: Any) -> RunResults:
    """A run of a Gaussian of 16 dimensions, whose divergences are exact."""
    rows = []
    for contestant, scores in table.items():
        for steps, value in scores.items():
            metrics = {"kl": around(value, 0.0, POINTS), "energy": around(value, 0.01, POINTS)}
            rows.append(row(f"gaussian-16/{contestant}-{steps}", metrics, n_total=POINTS))
    experiment = {
        "conventions": [{"name": "gaussian-16", "data": "gaussian-16"}],
        "score_net": {"network": "exact"},
        "margins": {"kl": 0.01, "energy": 0.005},
        "headline": ["kl", "energy"],
        "test_items": POINTS,
    }
    fields: dict[str, Any] = {
        "experiment": experiment | changes.pop("experiment", {}),
        "metrics": {
            "kl": MetricInfo(
                title="KL(data ‖ sampler)", digits=5, unit="nats", higher_is_better=False
            ),
            "energy": MetricInfo(
                title="Energy distance", digits=4, unit="", higher_is_better=False
            ),
        },
        "comparisons": [
            compared(first, second, "kl", 0.0, 0.01, False).model_copy(update={"items": POINTS})
            for first, second in pairs(rows)
        ],
        "costs": [cost("gaussian-16", "bddm", "tuned", BDDM_COST)],
        "floors": {f"gaussian-16/{POINTS}": {"energy": around(0.001, 0.001, POINTS)}},
    }
    return run("analytic", rows, **(fields | changes))


def records_of(results: RunResults) -> Iterator[dict[str, Any]]:
    """A line for each scored item: a clip, or a set of images or of points."""
    for one in results.rows:
        of_each = one.n_total // one.seeds
        for seed in range(one.seeds if of_each else 0):
            where = {"row": one.key, "seed": results.settings.seed + seed}
            if results.track == "speech":
                scores = {name: interval.value for name, interval in one.metrics.items()}
                for item in results.data.test_items:
                    yield {**where, "item": item, "scores": scores, "failures": {}}
            else:
                yield {**where, "images" if results.track == "images" else "points": of_each}


def write_run(
    folder: Path, results: RunResults, records: Sequence[Mapping[str, Any]] | None = None
) -> Path:
    """Publish a run and its items in a folder.

    Args:
        folder: where they go.
        results: the run; its checksum of the items is replaced.
        records: lines of the file of items; None takes :func:`records_of`.

    Returns:
        The document's file.
    """
    lines = records_of(results) if records is None else records
    text = "".join(json.dumps(line) + "\n" for line in lines)
    digest = hashlib.sha256(text.encode()).hexdigest()
    path = folder / f"{results.track}.json"
    write_items(path, text)
    publish(path, results.model_copy(update={"items_sha256": digest}))
    return document_file(folder, path.name)
