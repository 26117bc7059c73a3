"""What the repository publishes keeps the rules that it sets for others."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from safetensors.torch import load_file

from bddm_ref.files import verify_checksum
from bddm_ref.schedule import NoiseSchedule
from benchmarks.claims.ledger import check_ledger
from benchmarks.claims.ledger import summary as ledger_summary
from benchmarks.contestants import SEARCHED
from benchmarks.core.loading import load
from benchmarks.core.rows import rows_of
from benchmarks.report.pages.ranking import check_contestants
from benchmarks.report.pages.track import summary
from benchmarks.report.readme import check_readmes
from benchmarks.results.store import check_results, read_results
from benchmarks.results.theory import check_theory
from benchmarks.studies.theory.bounds import DATA as BOUND_DATA
from benchmarks.studies.theory.ratio import DATA as RATIO_DATA
from benchmarks.studies.theory.ratio import FORMS

RESULTS = Path(__file__).resolve().parents[2] / "results"


TRACKS = ("speech", "images")


def test_the_ablation_has_the_published_rows_again() -> None:
    """Another run, another tree: the same schedules, samples and scores."""
    assert check_results(RESULTS / "ablation")
    found, published = (read_results(RESULTS / d / "speech.json") for d in ("ablation", "."))
    assert found.provenance["tree"] == "clean"
    rows = {row.key: row for row in published.rows}
    for row in found.rows:
        if row.contestant in {"bddm", "ddpm"}:
            assert row.betas == rows[row.key].betas
            assert row.metrics == rows[row.key].metrics


def test_the_image_ablation_has_the_published_network_and_judge() -> None:
    """Its search is the papers' own grid, so that its schedules are others."""
    found, published = (read_results(RESULTS / d / "images.json") for d in ("ablation", "."))
    assert found.provenance["tree"] == "clean"
    assert not found.machine_busy
    assert all(row.skipped is None for row in found.rows)
    for name in ("score_net", "judge"):
        assert found.weights[name] == published.weights[name]


def test_the_contestants_come_from_clean_trees_and_their_page_from_them() -> None:
    assert check_results(RESULTS / "contestants")
    assert check_contestants(RESULTS)
    published = RESULTS / "contestants"
    files = {path: path.stem for path in published.glob("*.json")}
    files |= {path: f"{path.stem}-long" for path in published.glob("long/*.json")}
    assert files
    for path, name in files.items():
        results = read_results(path)
        assert results.provenance["tree"] == "clean"
        assert not results.meaningless
        wanted = {row.key for row in rows_of(load(f"contestants-{name}"))}
        assert {row.key for row in results.rows} == wanted


@pytest.mark.parametrize("track", ["speech", "images", "analytic"])
def test_three_networks_of_each_track_tell_whether_any_ddpm_improves(track: str) -> None:
    """The published one and two more, or three of a known distribution; all from clean trees."""
    documents = [read_results(path) for path in RESULTS.glob(f"networks/*/{track}.json")]
    if track != "analytic":
        documents.append(read_results(RESULTS / f"{track}.json"))
    assert len({one.weights["score_net"] for one in documents}) >= 3
    recipes = [one.experiment["score_net"] for one in documents]
    assert len({json.dumps(recipe["size"]) for recipe in recipes}) > 1  # architecture
    assert len({recipe["training"]["steps"] for recipe in recipes}) > 1
    for one in documents:
        assert one.provenance["tree"] == "clean"
        assert not one.meaningless
        assert {"bddm", "ddpm", "ddim"} <= {row.contestant for row in one.rows}
    for path in RESULTS.glob(f"networks/*/{track}.json"):
        assert check_results(path.parent)
        wanted = {row.key for row in rows_of(load(f"networks-{path.parent.name}"))}
        assert {row.key for row in read_results(path).rows} == wanted


def test_results_pass_the_check() -> None:
    lines = check_results(RESULTS) + check_theory(RESULTS)
    for name in (*(f"{track}.json" for track in TRACKS), "theory.json"):
        assert any(name in line for line in lines)


@pytest.mark.parametrize("track", TRACKS)
def test_results_come_from_a_clean_tree_and_the_shipped_weights(track: str) -> None:
    results = read_results(RESULTS / f"{track}.json")
    assert results.provenance["tree"] == "clean"
    assert not results.meaningless
    assert not results.machine_busy
    sidecar = RESULTS / "weights" / f"{track}-score.safetensors.sha256"
    assert results.weights["score_net"] == sidecar.read_text().split()[0]


def test_the_speech_track_is_as_large_as_promised() -> None:
    results = read_results(RESULTS / "speech.json")
    assert len(results.data["test_items"]) >= 20
    assert results.clip_seconds is not None
    assert results.clip_seconds >= 2.5
    assert all(row.seeds >= 6 for row in results.rows)


def test_the_image_track_is_as_large_as_promised() -> None:
    results = read_results(RESULTS / "images.json")
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


def test_the_figures_of_the_readmes_are_the_published_ones() -> None:
    assert len(check_readmes(RESULTS)) == 2
    text = (RESULTS / "README.md").read_text()
    for track in TRACKS:
        for table in summary(read_results(RESULTS / f"{track}.json")):
            assert table in text


@pytest.mark.parametrize(("track", "count"), [("speech", 8), ("images", 10)])
def test_schedules_beside_them_are_those_of_the_table(track: str, count: int) -> None:
    rows = {row.key: row for row in read_results(RESULTS / f"{track}.json").rows}
    files = sorted((RESULTS / "schedules").glob(f"{track}-*.json"))
    assert len(files) == count
    for file in files:
        _, convention, *of_search, steps = file.stem.split("-")
        schedule = NoiseSchedule.from_json(file.read_text())
        contestant = "-".join(["bddm", *of_search])
        assert list(schedule.betas) == rows[f"{convention}/{contestant}-{steps}"].betas
        assert len(schedule) == int(steps)


def test_the_analytic_track_comes_from_a_clean_tree_and_covers_all_choosers() -> None:
    results = read_results(RESULTS / "analytic.json")
    assert results.provenance["tree"] == "clean"
    assert not results.meaningless
    rivals = {"beta-grid", "elbo-paths", "learned-levels"}
    choosers = {*SEARCHED} - rivals - {"bddm-frugal"}  # it differs in how it searches
    contestants = {row.contestant for row in results.rows}
    assert contestants >= choosers | {"bddm-online", "bddm-own", "ddim"}
    assert {row.steps for row in results.rows} == {3, 7, 16, 50, 100, 1000}


def test_the_ledger_follows_from_what_is_published_and_stands_in_the_readme() -> None:
    assert check_ledger(RESULTS)
    document = json.loads((RESULTS / "claims.json").read_text())
    assert all(claim["last"] is not None for claim in document["claims"])
    numbers = {claim["number"].rstrip("abc") for claim in document["claims"]}
    assert numbers >= {str(number) for number in range(1, 10)}
    assert ledger_summary(document) in (RESULTS / "README.md").read_text()


@pytest.mark.parametrize("track", TRACKS)
def test_the_theory_of_networks_is_of_the_shipped_weights(track: str) -> None:
    document = json.loads((RESULTS / "theory" / f"{track}.json").read_text())
    assert document["provenance"]["tree"] == "clean"
    published = read_results(RESULTS / f"{track}.json").weights
    assert document["weights"].items() <= published.items()


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
        assert load_file(RESULTS.parent / path)
        sizes += (RESULTS.parent / path).stat().st_size
    assert sizes < 16_000_000
