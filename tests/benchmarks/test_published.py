"""What the repository publishes keeps the rules that it sets for others."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from safetensors.torch import load_file

from bddm_ref.checkpoint import verify_checksum
from bddm_ref.schedule import NoiseSchedule
from benchmarks.experiment import load
from benchmarks.report.check import check_results, read_results
from benchmarks.report.markdown import summary_table
from benchmarks.theory.bounds import DATA as BOUND_DATA
from benchmarks.theory.ratio import DATA as RATIO_DATA
from benchmarks.theory.ratio import FORMS

RESULTS = Path(__file__).resolve().parents[2] / "results"


def test_results_pass_the_check() -> None:
    lines = check_results(RESULTS)
    assert any("speech.json" in line for line in lines)


def test_results_come_from_a_clean_tree_and_the_shipped_weights() -> None:
    results = read_results(RESULTS / "speech.json")
    assert results.provenance["tree"] == "clean"
    assert not results.meaningless
    sidecar = RESULTS / "weights" / "speech-score.safetensors.sha256"
    assert results.weights["score_net"] == sidecar.read_text().split()[0]
    assert len(results.data["test_items"]) >= 20
    assert results.clip_seconds >= 2.5


def test_the_table_of_the_readme_is_the_published_one() -> None:
    readme = (RESULTS.parent / "README.md").read_text()
    assert summary_table(read_results(RESULTS / "speech.json")) in readme


def test_schedules_beside_them_are_those_of_the_table() -> None:
    rows = {row.key: row for row in read_results(RESULTS / "speech.json").rows}
    files = sorted((RESULTS / "schedules").glob("speech-*.json"))
    assert len(files) == 8
    for file in files:
        _, convention, steps = file.stem.split("-")
        schedule = NoiseSchedule.from_json(file.read_text())
        assert list(schedule.betas) == rows[f"{convention}/bddm-{steps}"].betas
        assert len(schedule) == int(steps)


def test_the_theory_comes_from_a_clean_tree_and_covers_what_is_claimed() -> None:
    path = RESULTS / "theory" / "theory.json"
    verify_checksum(path)
    document = json.loads(path.read_text())
    assert document["provenance"]["tree"] == "clean"
    assert {one["data"] for one in document["bounds"]} == set(BOUND_DATA)
    assert {(one["data"], one["form"]) for one in document["ratios"]} == set(
        itertools.product(RATIO_DATA, FORMS)
    )
    assert (path.parent / "bounds.svg").is_file()
    page = (path.parent / "theory.md").read_text()
    assert document["provenance"]["commit"][:12] in page


@pytest.mark.parametrize("name", ["cpu", "cpu-full", "images-cpu", "images-cpu-full"])
def test_experiments_name_weights_that_are_there(name: str) -> None:
    experiment = load(name)
    paths = [experiment.score_net.weights, *experiment.schedule_net.weights.values()]
    if experiment.track == "images":
        paths.append(experiment.image.extractor_weights)
    sizes = 0
    for path in paths:
        assert path is not None
        assert load_file(RESULTS.parent / path)
        sizes += (RESULTS.parent / path).stat().st_size
    assert sizes < 16_000_000
