"""Bounds and ratios of trained networks: on known data they are what the exact ones are."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from bddm_ref.elbo_bound import expected_elbo
from bddm_ref.files import verify_checksum
from bddm_ref.schedule import NoiseSchedule
from benchmarks.cli.app import main
from benchmarks.core.experiment import Experiment
from benchmarks.core.loading import load
from benchmarks.data.distributions import distribution
from benchmarks.results.theory import PAPERS, SPACED, NetworkDocument, NetworkTheory
from benchmarks.runtime.progress import Progress
from benchmarks.runtime.workspace import Workspace
from benchmarks.stages.context import Context
from benchmarks.studies.theory import networks, trained
from benchmarks.studies.theory.bounds import (
    gaussian_bilateral,
    papers_chain,
    papers_junctions,
    spaced,
)
from metrics.statistics import Estimate

TINY = """
track: analytic
data: gaussian-16
training_schedule: {T: 1000, start: 1.0e-4, end: 0.02}
conventions: [{name: exact}]
score_net: {network: exact}
schedule_net:
  network: vector
  tau: 50
  batch_size: 64
  training: {steps: 150, learning_rate: 3.0e-3, ema_decay: 0.9}
rows:
  - {contestant: ddpm, steps: [16], seeds: 1}
reference: ddpm-16
margins: {kl: 0.01, energy: 0.005}
bf16: false
"""
pytestmark = pytest.mark.slow  # the fixture looks at thousands of vectors

JUNCTIONS = (10, 200, 1000)
TRAINING = NoiseSchedule.linear(1000, 1e-4, 0.02)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The theory's folder of a run on data whose bounds are known.

    The command line writes the page of exact scores for this track; here its networks are looked
    at as those of any other are.
    """
    root = tmp_path_factory.mktemp("theory")
    (root / "tiny.yaml").write_text(TINY)
    context = Context(load(str(root / "tiny.yaml")), Workspace(root / "work"), Progress())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "JUNCTIONS", JUNCTIONS)
        patch.setattr(networks, "LENGTHS", (7,))
        patch.setattr(networks, "RATES", (1e-2,))
        patch.setattr(networks, "UPDATES", 100)
        page = trained.write_network_theory(context, root / "theory")
    assert page == root / "theory" / "analytic.md"
    return page.parent


@pytest.fixture(scope="module")
def found(folder: Path) -> NetworkTheory:
    (one,) = NetworkDocument.read(folder / "analytic.json").conventions
    return one


def wide(estimate: Estimate) -> float:
    """Twice the half width of a 95 % interval: four standard errors."""
    return estimate.high - estimate.low


def test_the_elbo_is_the_expected_one(found: NetworkTheory) -> None:
    data = distribution("gaussian-16")
    mean_square = float((data.variance + data.mean.square()).mean())
    exact = expected_elbo(TRAINING, lambda a: 1 - data.power(a), mean_square)
    for one, fitted in ((found.elbo, False), (found.elbo_fitted, True)):
        assert one.value == pytest.approx(exact.bound(fitted), abs=wide(one))
    assert wide(found.elbo) < 0.3


def test_bilateral_bounds_are_the_exact_ones(found: NetworkTheory) -> None:
    assert {(p.t, p.n) for p in found.points if p.family == SPACED} == {(t, 4) for t in JUNCTIONS}
    assert [(p.t, p.n) for p in found.points if p.family == PAPERS] == [
        (t, n) for t, n, N in papers_junctions(1000) if N == 7
    ]
    for point in found.points:
        chain = spaced(TRAINING, point.t, point.n)
        if point.family == PAPERS:
            assert point.length is not None
            chain = papers_chain(TRAINING, point.t, point.n, point.ratio)
        exact = gaussian_bilateral("gaussian-16", chain)
        assert point.ratio == pytest.approx(exact.ratio)
        assert point.power == pytest.approx(exact.power, rel=0.05)
        for one, value in ((point.score, exact.score), (point.step, exact.step)):
            assert one.value == pytest.approx(value, abs=wide(one) + 1e-3)
        assert point.identity_error < 1e-5
        assert point.over_term.value == pytest.approx(point.dropped.value + point.term.value)
        for over, fitted in (
            (point.over_elbo_chain, False),
            (point.over_elbo_chain_fitted, True),
        ):
            elbo = found.elbo_fitted if fitted else found.elbo
            expected = exact.f_bddm(fitted) - elbo.value
            assert over.value == pytest.approx(expected, abs=wide(over) + 1e-3)


def test_ratios_stand_beside_the_closed_form(found: NetworkTheory) -> None:
    data = distribution("gaussian-16")
    for point in found.ratios:
        assert point.s == pytest.approx(data.power(float(TRAINING.alphas[point.t - 1])), rel=0.05)
        assert 0 < point.learned <= 1
        assert point.spread > 0
    middle = found.ratios[5]
    assert middle.learned == pytest.approx(middle.closed, rel=0.25)


def test_the_elbo_collapses_the_network_and_the_step_loss_does_not(found: NetworkTheory) -> None:
    assert found.sigma > 0.4
    assert found.tau == 50
    elbo, step = found.traces
    assert (elbo.form, step.form) == ("elbo", "exact")
    assert elbo.sigma[0] == step.sigma[0] > 0.3
    assert elbo.limit < 0.1
    assert step.limit > 0.4


def test_the_page_and_its_files(folder: Path) -> None:
    page = (folder / "analytic.md").read_text()
    assert "# Theory: what the analytic track's networks say" in page
    tables = page.count("\n| t | n | N | ")  # of one convention, split to be narrow
    assert page.count("\n| 1000 | 4 | — | ") == tables > 0
    assert "(analytic.svg)" in page
    assert b"<svg" in (folder / "analytic.svg").read_bytes()
    verify_checksum(folder / "analytic.json")
    weights = NetworkDocument.read(folder / "analytic.json").weights
    assert set(weights) == {"score_net", "schedule_net/exact"}


def test_short_chains_fit_the_training_schedule() -> None:
    found = networks.short_chains(1000)
    assert [n for _, n, N in found if N == 16] == [2, 5, 8, 12, 15]
    assert max(t for t, _, _ in networks.short_chains(200)) <= 200
    assert networks.evaluations(1000) == 63 + sum(n for _, n, _ in found)


def test_a_tau_of_each_length_has_networks_of_its_own() -> None:
    per_length = Experiment(track="analytic")
    keys = networks.studied_keys(per_length, "c")
    assert {N: key.name(per_length) for N, key in keys.items()} == {7: "c/tau-142", 16: "c/tau-62"}
    assert networks.studied_tau(per_length) == 62
    one = dataclasses.replace(
        per_length, schedule_net=dataclasses.replace(per_length.schedule_net, tau=50)
    )
    assert {key.name(one) for key in networks.studied_keys(one, "c").values()} == {"c"}
    assert networks.studied_tau(one) == 50


def test_the_command_line_chooses_by_track(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def written(context: Any, folder: Path) -> Path:
        page = folder / "images.md"
        page.parent.mkdir(parents=True)
        page.write_text("the page\n")
        return page

    monkeypatch.setattr(trained, "write_network_theory", written)
    assert main(["theory", "images-cpu", "--results", str(tmp_path)]) == 0
    assert "the page" in capsys.readouterr().out
