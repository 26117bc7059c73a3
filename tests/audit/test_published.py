"""The published results: their origin, their size, and what they were promised to cover."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from safetensors.torch import load_file

from bddm_ref.files import checksums_of, sha256_of
from benchmarks.contestants import SEARCHED
from benchmarks.core.loading import load
from benchmarks.core.rows import rows_of
from benchmarks.results.forms import beside, document_file, document_files
from benchmarks.results.ledger import Ledger
from benchmarks.results.schema import RunResults
from benchmarks.results.store import network_folders
from benchmarks.results.theory import NetworkDocument, TheoryDocument
from benchmarks.runtime.checkout import REPOSITORY
from benchmarks.studies.theory.bounds import DATA as BOUND_DATA
from benchmarks.studies.theory.ratio import DATA as RATIO_DATA
from benchmarks.studies.theory.ratio import FORMS
from benchmarks.tracks.images.judge import PUBLISHED

pytestmark = pytest.mark.audit

RESULTS = REPOSITORY / "results"
TRACKS = ("speech", "images")


def run_at(*place: str) -> RunResults:
    return RunResults.read(RESULTS.joinpath(*place).with_suffix(".json"))


def run_file(folder: Path, track: str) -> Path:
    return document_file(folder, f"{track}.json")


def test_the_ablation_has_the_published_rows_again() -> None:
    """Another run, another tree: the same schedules, samples and scores."""
    found, published = run_at("ablation", "speech"), run_at("speech")
    assert found.provenance.tree == "clean"
    again = [row for row in found.rows if row.contestant in {"bddm", "ddpm"}]
    assert again
    for row in again:
        assert row.betas == published.by_key[row.id].betas
        assert row.metrics == published.by_key[row.id].metrics


def test_the_image_ablation_has_the_published_network_and_judge() -> None:
    """Its search is the papers' own grid, so that its schedules are others."""
    found, published = run_at("ablation", "images"), run_at("images")
    assert found.provenance.tree == "clean"
    assert not found.machine_busy
    assert all(row.skipped is None for row in found.rows)
    for name in ("score_net", "judge"):
        assert found.weights[name] == published.weights[name]


def test_the_contestants_come_from_clean_trees_and_whole_experiments() -> None:
    published = RESULTS / "contestants"
    files = {path: beside(path, "").name for path in document_files(published)}
    files |= {path: f"{beside(path, '').name}-long" for path in document_files(published / "long")}
    assert files
    for path, name in files.items():
        results = RunResults.read(path)
        assert results.provenance.tree == "clean"
        assert not results.meaningless
        wanted = {row.key for row in rows_of(load(f"contestants-{name}"))}
        assert {row.key for row in results.rows} == wanted


@pytest.mark.parametrize("track", ["speech", "images", "analytic"])
def test_three_networks_of_each_track_tell_whether_any_ddpm_improves(track: str) -> None:
    """The published one and two more, or three of a known distribution; all from clean trees."""
    places = [path for path in network_folders(RESULTS) if run_file(path, track).is_file()]
    documents = [RunResults.read(run_file(path, track)) for path in places]
    if track != "analytic":
        documents.append(run_at(track))
    assert len({one.weights["score_net"] for one in documents}) >= 3
    recipes = [one.experiment["score_net"] for one in documents]
    assert len({json.dumps(recipe["size"]) for recipe in recipes}) > 1  # architecture
    assert len({recipe["training"]["steps"] for recipe in recipes}) > 1
    for one in documents:
        assert one.provenance.tree == "clean"
        assert not one.meaningless
        assert {"bddm", "ddpm", "ddim"} <= {row.contestant for row in one.rows}
    for path in places:
        wanted = {row.key for row in rows_of(load(f"networks-{path.name}"))}
        assert {row.key for row in RunResults.read(run_file(path, track)).rows} == wanted


@pytest.mark.parametrize("track", TRACKS)
def test_results_come_from_a_clean_tree_and_the_shipped_weights(track: str) -> None:
    results = run_at(track)
    assert results.provenance.tree == "clean"
    assert not results.meaningless
    assert not results.machine_busy
    weights = RESULTS / "weights" / f"{track}-score.safetensors"
    assert [results.weights["score_net"]] == checksums_of(weights)


def test_the_speech_track_is_as_large_as_promised() -> None:
    results = run_at("speech")
    assert len(results.data.test_items) >= 20
    assert results.clip_seconds is not None
    assert results.clip_seconds >= 2.5
    assert all(row.seeds >= 6 for row in results.rows)


def test_the_image_track_is_as_large_as_promised() -> None:
    results = run_at("images")
    assert all(row.n_total >= 5_000 for row in results.rows if row.steps <= 100)
    assert {row.steps for row in results.rows} == {3, 7, 16, 50, 100, 1000}
    distance = results.rows[-1].metrics["fd_common"]
    floor = results.floors["1000"]["fd"]
    assert results.rows[-1].key == "plain/ddpm-1000"
    assert distance.value is not None
    assert floor.value is not None
    assert distance.value < 3 * floor.value
    grids = {path.stem for path in (RESULTS / "grids").glob("*.png")}
    assert grids == {row.key.replace("/", "-") for row in results.rows} | {"test-images"}


def test_the_analytic_track_comes_from_a_clean_tree_and_covers_most_searches() -> None:
    results = run_at("analytic")
    assert results.provenance.tree == "clean"
    assert not results.meaningless
    elsewhere = {"beta-grid", "elbo-paths", "learned-levels", "bddm-frugal"}  # in other runs
    elsewhere |= {"bddm-literal", "bddm-released-search"}  # made under protocol 2 alone
    contestants = {row.contestant for row in results.rows}
    assert contestants >= {*SEARCHED} - elsewhere | {"bddm-online", "bddm-own", "ddim"}
    assert {row.steps for row in results.rows} == {3, 7, 16, 50, 100, 1000}


def test_the_ledger_has_the_papers_claims_from_committed_files() -> None:
    claims = Ledger.read(RESULTS / "claims.json").claims
    assert all(claim.last is not None for claim in claims)
    numbers = {claim.number.rstrip("abc") for claim in claims}
    assert numbers >= {str(number) for number in range(1, 10)}


@pytest.mark.parametrize("track", TRACKS)
def test_the_theory_of_networks_is_of_the_shipped_weights(track: str) -> None:
    path = RESULTS / "theory" / f"{track}.json"
    if not path.is_file():
        pytest.skip("the theory of trained networks is made anew under protocol 2")
    document = NetworkDocument.read(path)
    assert document.provenance.tree == "clean"
    shipped = {sha256_of(path) for path in (RESULTS / "weights").glob(f"{track}-*.safetensors")}
    assert {*document.weights.values()} <= shipped


def test_the_theory_comes_from_a_clean_tree_and_covers_all_distributions() -> None:
    path = RESULTS / "theory" / "theory.json"
    document = TheoryDocument.read(path)
    assert document.provenance.tree == "clean"
    assert {one.data for one in document.bounds} == set(BOUND_DATA)
    assert {(one.data, one.form) for one in document.ratios} == set(
        itertools.product(RATIO_DATA, FORMS)
    )
    assert (path.parent / "bounds.svg").is_file()


@pytest.mark.parametrize(
    "name",
    ["cpu", "cpu-full", "cpu-ablation", "images-cpu", "images-cpu-full", "images-cpu-ablation"],
)
def test_experiments_name_weights_that_are_there(name: str) -> None:
    experiment = load(name)
    paths = [experiment.score_net.weights, *experiment.schedule_net.weights.values()]
    if experiment.track == "images":
        paths.append(experiment.image.extractor_weights)
    sizes = 0
    for path in paths:
        assert path is not None
        assert load_file(REPOSITORY / path)
        sizes += (REPOSITORY / path).stat().st_size
    assert sizes < 16_000_000


def test_the_published_classifier_keeps_its_name() -> None:
    weights = RESULTS / "weights" / "images-classifier.safetensors"
    assert {sha256_of(weights): "fmnist"} == PUBLISHED
