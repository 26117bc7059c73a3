"""The analytic track end to end: exact figures, the same harness."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bddm_ref.schedule import NoiseSchedule
from benchmarks.cli.app import main
from benchmarks.data.distributions import distribution
from benchmarks.report.registry import checked
from benchmarks.results.examples import examples_of
from benchmarks.results.schema import RunResults
from benchmarks.runtime import precision
from benchmarks.tracks.analytic.exact_score import gaussian_kl


@pytest.fixture
def run(tiny_run: Callable[[str], Any]) -> Any:
    """The finished tiny run."""
    return tiny_run("analytic")


@pytest.fixture
def place(run: Any) -> Path:
    """The folder of the finished tiny run."""
    return Path(run.root)


pytestmark = pytest.mark.slow


def test_gaussian_rows_have_exact_divergences(place: Path) -> None:
    results = RunResults.read(place / "out" / "analytic.json")
    rows = {row.key: row for row in results.rows}
    assert len(rows) == 66
    for convention in ("exact", "wrong"):
        for name in ("bddm-3", "bddm-frugal-3", "constants-3", "ddpm-3", "ddim-6", "ddpm-60"):
            kl = rows[f"{convention}/{name}"].metrics["kl"]
            assert kl.value is not None
            assert kl.value > 0
            assert kl.low == kl.value == kl.high
    assert "kl" not in rows["ring/ddpm-6"].metrics
    # A schedule that follows the item leaves no affine map.
    assert "kl" not in rows["exact/bddm-online-3"].metrics
    assert rows["exact/bddm-online-3"].metrics["energy"].value < 0.5
    assert rows["exact/ddpm-60"].metrics["kl"].value < rows["exact/ddpm-6"].metrics["kl"].value
    assert rows["exact/ddpm-60"].metrics["kl"].value < rows["wrong/ddpm-60"].metrics["kl"].value
    assert rows["exact/constants-noise-3"].skipped == "search.searches lacks 'constants-noise'"


def test_points_of_every_convention_are_kept(place: Path) -> None:
    document = place / "out" / "analytic.json"
    found = examples_of(document, RunResults.read(document))
    assert set(found.points) == {"exact", "wrong", "ring"}
    assert found.denoising == ()
    for convention in found.points:
        points = found.points_of(convention)
        assert points is not None
        assert points.coordinates == [1, 2]
        assert points.dimensions == (2 if convention == "ring" else 3)
        names = ["bddm-3", "ddpm-3", "ddpm-6", "ddim-6", "ddpm-60"]
        assert [row.key for row in points.rows] == [f"{convention}/{name}" for name in names]
        assert {len(row.points) for row in points.rows} == {150}


def test_divergence_of_the_shortest_chain_by_hand(place: Path) -> None:
    """DDIM in 6 steps, coordinate by coordinate, from the formulas alone."""
    training = NoiseSchedule.linear(60, 1e-4, 0.3)
    data = distribution("gaussian-3")
    schedule = training.subsequence(6)
    mean, gain = torch.zeros(3).double(), torch.ones(3).double()
    alphas = [1.0, *schedule.alphas.tolist()]
    for n in range(6, 0, -1):
        alpha, before = alphas[n], alphas[n - 1]
        delta, delta_before = 1 - alpha**2, 1 - before**2
        slope = delta**0.5 / (alpha**2 * data.variances[0] + delta)
        shift = before / alpha
        factor = shift * (1 - delta**0.5 * slope) + delta_before**0.5 * slope
        mean = factor * mean + (shift * delta**0.5 - delta_before**0.5) * slope * alpha * data.mean
        gain = factor * gain
    rows = {row.key: row for row in RunResults.read(place / "out" / "analytic.json").rows}
    expected = gaussian_kl(data, mean, gain.square())
    assert rows["exact/ddim-6"].metrics["kl"].value == pytest.approx(expected, rel=1e-4)


def test_seeds_add_points_and_records(place: Path) -> None:
    results = RunResults.read(place / "out" / "analytic.json")
    row = next(r for r in results.rows if r.key == "ring/ddpm-6")
    assert row.metrics["energy"].n == row.n_total == 300
    items = gzip.decompress((place / "out" / "analytic-items.jsonl.gz").read_bytes())
    records = [json.loads(line) for line in items.splitlines()]
    mine = [r for r in records if r["row"] == "exact/ddpm-6"]
    assert [r["seed"] for r in mine] == [2021, 2022]
    # The sampler's moments do not depend on the noise they are read off from.
    assert mine[0]["kl"] == pytest.approx(mine[1]["kl"], rel=1e-4)
    assert mine[0]["mean_gap"] == pytest.approx(mine[1]["mean_gap"], abs=1e-5)


def test_comparisons_by_what_both_rows_have(place: Path) -> None:
    results = RunResults.read(place / "out" / "analytic.json")
    by_pair = {(c.row, c.against, c.metric): c for c in results.comparisons}
    exact = by_pair["exact/bddm-3", "exact/ddpm-3", "kl"]
    assert exact.p_sign_flip is None
    assert exact.verdict in ("better", "worse", "as good")
    assert by_pair["exact/bddm-3", "exact/ddpm-3", "energy"].p_sign_flip is not None
    sampled = by_pair["ring/bddm-3", "ring/ddpm-3", "energy"]
    assert ("ring/bddm-3", "ring/ddpm-3", "kl") not in by_pair
    assert sampled.items == 150  # the smaller number
    assert sampled.p_sign_flip is not None
    assert ("ring/closed-form-3", "ring/ddpm-3", "energy") not in by_pair  # only BDDM against all
    assert ("ring/bddm-3", "ring/closed-form-3", "energy") in by_pair


def test_every_convention_has_its_floor(place: Path) -> None:
    results = RunResults.read(place / "out" / "analytic.json")
    assert set(results.floors) == {"exact/150", "wrong/150", "ring/150"}
    for metrics in results.floors.values():
        low, high = metrics["energy"].low, metrics["energy"].high
        assert low < 0.02
        assert high > -0.02


def test_the_page(place: Path) -> None:
    page = (place / "out" / "analytic.md").read_text()
    assert "## Data `gaussian-3` (exact score)" in page
    assert "## Data `gaussian-3` (score with an error of 0.2 rms)" in page
    assert "## Data `ring-2` (exact score)" in page
    assert page.count("*Floor: data*") == 3
    assert checked(place / "out")


def test_searches_without_a_network_cost_less(place: Path) -> None:
    results = RunResults.read(place / "out" / "analytic.json")
    found = {one.contestant for one in results.costs if one.convention == "exact"}
    assert found >= {"bddm", "bddm-noise", "closed-form", "constants"}
    # Judged exactly, Gaussian data need evaluations for the moments alone.
    assert results.cost("ring", "bddm").search_nfe > results.cost("exact", "bddm").search_nfe


def test_the_released_loss_has_a_network_of_its_own(place: Path) -> None:
    results = RunResults.read(place / "out" / "analytic.json")
    own, released = (results.weights[f"schedule_net/exact{name}"] for name in ("", "/released"))
    assert own != released
    assert results.cost("exact", "bddm-released").schedule_net_steps == 20
    assert results.cost("exact", "closed-form-released").schedule_net_parameters == 0
    betas = {
        name: next(row.betas for row in results.rows if row.key == f"exact/{name}")
        for name in ("closed-form-3", "closed-form-released-3", "bddm-3", "bddm-released-3")
    }
    assert betas["closed-form-3"] != betas["closed-form-released-3"]
    assert betas["bddm-3"] != betas["bddm-released-3"]


def test_more_samples_than_draws_to_compare_with(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_150_samples = 125
    monkeypatch.setitem(run.small, "benchmarks.tracks.analytic.data.REFERENCE", of_150_samples)
    assert run.call("run", "--results", str(tmp_path / "out")) == 0
    rows = {row.key: row for row in RunResults.read(tmp_path / "out" / "analytic.json").rows}
    assert rows["ring/ddpm-6"].metrics["energy"].n == 300  # two seeds
    assert rows["ring/ddpm-6"].metrics["sw2"].n == 125


@pytest.mark.parametrize(
    "case",
    [
        ("--test-items", "60", "60 samples do not determine the moments of 60 steps"),
        ("--margins", "{}", "margins: kl has none"),
        ("--bf16", "", "bf16: the analytic track is exact to float32"),
        ("--compile", "default", "compile: the analytic track has no use for it"),
        ("--data", "gauss-3", "'gauss-3' is no distribution"),
    ],
)
def test_refusals(
    run: Any,
    place: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    case: tuple[str, str, str],
) -> None:
    option, value, message = case
    # Elsewhere float32 stands in for bfloat16 before anything is refused.
    monkeypatch.setattr(precision, "multiplies_bf16", lambda device: True)
    if option == "--margins":
        text = run.text.replace("{kl: 0.01, energy: 0.005}", "{energy: 0.005}")
        (place / "other.yaml").write_text(text)
        status = main(["run", str(place / "other.yaml"), "--workspace", str(place / "work")])
    else:
        status = run.call("run", *([option, value] if value else [option]))
    assert status == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_the_code_of_each_stage_has_every_function_that_ran(run: Any) -> None:
    assert run.unaccounted == set()
