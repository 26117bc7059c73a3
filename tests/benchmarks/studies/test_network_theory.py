"""Bounds and ratios of trained networks: on known data they are what the exact ones are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bddm_ref.elbo_bound import expected_elbo
from bddm_ref.files import verify_checksum
from bddm_ref.schedule import NoiseSchedule
from benchmarks.cli.app import main
from benchmarks.core.loading import load
from benchmarks.data.distributions import distribution
from benchmarks.results.theory import NetworkDocument, NetworkTheory
from benchmarks.runtime.progress import Progress
from benchmarks.runtime.workspace import Workspace
from benchmarks.stages.context import Context
from benchmarks.studies.theory import networks, trained
from benchmarks.studies.theory.bounds import gaussian_bilateral, spaced
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
        patch.setattr(networks, "ELBO_UPDATES", (1, 10, 100, 600))
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
    assert [(point.t, point.n) for point in found.points] == [
        (t, n) for t, n in networks.short_processes(1000) if t in JUNCTIONS
    ]
    for point in found.points:
        exact = gaussian_bilateral("gaussian-16", spaced(TRAINING, point.t, point.n))
        for one, value in (
            (point.f_bddm, exact.f_bddm()),
            (point.f_score, exact.f_score()),
            (point.f_bddm_fitted, exact.f_bddm(fitted=True)),
            (point.f_score_fitted, exact.f_score(fitted=True)),
        ):
            assert one.value == pytest.approx(value, abs=wide(one) + 1e-3)
        paired = point.f_bddm_over_elbo.value
        assert paired == pytest.approx(point.f_bddm.value - found.elbo.value, rel=1e-6)


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
    assert found.sigma_on_elbo[0] > 0.3
    assert found.sigma_on_elbo[600] < 0.05


def test_the_page_and_its_files(folder: Path) -> None:
    page = (folder / "analytic.md").read_text()
    assert "# Theory: what the analytic track's networks say" in page
    assert page.count("\n| 1000 | ") == 3
    assert "(analytic.svg)" in page
    assert b"<svg" in (folder / "analytic.svg").read_bytes()
    verify_checksum(folder / "analytic.json")
    weights = NetworkDocument.read(folder / "analytic.json").weights
    assert set(weights) == {"score_net", "schedule_net/exact"}


def test_short_processes_fit_the_training_schedule() -> None:
    assert (10, 16) not in networks.short_processes(1000)
    assert max(t for t, _ in networks.short_processes(200)) == 200
    assert networks.evaluations(1000) == 63 + sum(n for _, n in networks.short_processes(1000))


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
