"""What a schedule network learns, the collapse, and the page of the theory."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import pytest

from bddm_ref.extras.rules import closed_form_rule, rule_betas
from bddm_ref.files import DamagedFileError
from bddm_ref.losses import optimal_ratio
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import Start
from bddm_ref.search_released import released_search
from bddm_ref.searching import SearchPlan, starts
from benchmarks.cli.app import main
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Experiment, LinearSchedule
from benchmarks.data.distributions import distribution
from benchmarks.report.pages import theory as report
from benchmarks.report.plots.theory import plot_bounds
from benchmarks.results.theory import check_theory
from benchmarks.runtime.progress import Progress
from benchmarks.studies.theory import ratio
from benchmarks.studies.theory.bounds import BoundPoint, DataBounds
from benchmarks.studies.theory.optimism import OptimismStudy, optimism_studies
from benchmarks.studies.theory.ratio import ratio_study
from metrics.statistics import Estimate

TRAINING = NoiseSchedule.linear(1000, 1e-4, 0.02)
SHORT = dataclasses.replace(ratio.TRAINING, steps=1_000)


@pytest.mark.slow
def test_the_step_loss_finds_the_closed_form_where_the_level_can_be_told() -> None:
    study = ratio_study("gaussian-64", "exact", TRAINING, SHORT)
    assert study.error < 0.03
    middle = study.points[len(study.points) // 2]
    assert middle.closed <= optimal_ratio(middle.s) + 1e-12


@pytest.mark.slow
def test_one_dimension_does_not_tell_the_level() -> None:
    study = ratio_study("gaussian-1", "exact", TRAINING, SHORT)
    assert study.error > 0.1
    assert max(point.spread for point in study.points) > 0.02


@pytest.mark.slow
def test_the_elbo_collapses_and_the_step_loss_does_not() -> None:
    elbo, step = (ratio_study("gaussian-16", form, TRAINING, SHORT) for form in ("elbo", "exact"))  # type: ignore[arg-type]
    assert elbo.watched[0] == step.watched[0] > 0.3  # the same start
    assert elbo.watched[1_000] < 0.01
    assert step.watched[1_000] > 0.5


@pytest.mark.slow
def test_the_released_search_is_optimistic_and_ours_is_not() -> None:
    studies = optimism_studies("modes-1", TRAINING, runs=10)
    released, ours = (
        next(one for one in studies if (one.rule, one.length) == (rule, 7))
        for rule in ("released", "ours")
    )
    assert released.optimism.value > 0.4
    # A third, fresh judgement is unbiased: ten of them are within 4 / sqrt(10) deviations.
    assert abs(ours.optimism.value) < 4 / 10**0.5
    assert ours.optimism.value < released.optimism.value
    assert all(one.true.value > 0 for one in studies)


def test_a_rule_without_a_kernel_is_judged_once_for_each_start() -> None:
    """Both kernels would propose the same list: a second judgement is another draw for it."""
    rule = closed_form_rule(distribution("gaussian-1").power)
    seen: list[tuple[float, float]] = []

    def propose(start: Start) -> list[float]:
        seen.append((start.alpha, start.beta))
        return rule_betas(rule, start, TRAINING, 3)

    grid = [start for start in starts(TRAINING, 3) if start.kernel == "ddpm"]
    plan = SearchPlan((3,), refinements=5)
    released_search(propose, lambda schedule, trial: (-schedule.betas[0],), grid, TRAINING, plan)
    assert len(seen) > len(grid)
    assert len(set(seen)) == len(seen)


def bounds() -> DataBounds:
    points = [
        BoundPoint(
            "x",
            t,
            4,
            "closed form",
            -3.0,
            -4.0,
            -5.0,
            -0.2,
            fitted,
            f_bddm_error=0.3,
            f_bddm_fitted_error=0.1,
        )
        for t, fitted in ((10, 0.5), (100, -0.45), (1000, -2.0))
    ]
    return DataBounds("x", log_p=0.0, elbo=-0.5, elbo_fitted=-0.4, points=points)


def test_counts_of_points_where_the_claims_hold() -> None:
    assert bounds().counts(fitted=False) == (3, 3, 0, 0)
    # 0.5 is above log p; -0.45 is at least -0.4 within the error; -2 is below the ELBO.
    assert bounds().counts(fitted=True) == (3, 2, 2, 1)


def test_equal_figures_give_an_equal_plot(tmp_path: Path) -> None:
    plots = []
    for name in ("a.svg", "b.svg"):
        plot_bounds([bounds()], tmp_path / name)
        plots.append((tmp_path / name).read_bytes())
    assert plots[0] == plots[1]
    assert b"<svg" in plots[0]


def test_the_page_says_what_the_document_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "BOUND_DATA", ("gaussian-1",))
    monkeypatch.setattr(report, "RATIO_DATA", ("gaussian-2",))
    monkeypatch.setattr(report, "SEARCH_DATA", ("modes-2",))
    reported, true, optimism = (
        Estimate(value, value - 0.1, value + 0.1, 12) for value in (-0.01, 0.01, 1.0)
    )
    found = OptimismStudy("modes-2", "released", 7, reported, true, optimism, 0.02)
    monkeypatch.setattr(report, "optimism_studies", lambda name, training: [found])
    monkeypatch.setattr(report, "bounds_of", lambda name, training: bounds())

    def study(name: str, form: str, training: NoiseSchedule) -> ratio.RatioStudy:
        points = [ratio.RatioPoint(t, 0.5, 0.44, 0.01, 0.4) for t in (50, 500, 950)]
        return ratio.RatioStudy(name, form, points, dict.fromkeys((0, *ratio.WATCHED), 0.25))  # type: ignore[arg-type]

    monkeypatch.setattr(report, "ratio_study", study)
    assert main(["theory", "analytic", "--results", str(tmp_path)]) == 0
    page = (tmp_path / "theory" / "theory.md").read_text()
    assert page in capsys.readouterr().out
    assert "| `x` | 10 | 4 |" in page
    assert "10.0%" in page
    assert "| `modes-2` | released | 7 |" in page
    assert "+1.00 [+0.90, +1.10]" in page
    assert any("theory.json" in line for line in check_theory(tmp_path))
    (tmp_path / "theory" / "theory.md").write_text(page.replace("+1.00", "+0.10"))
    with pytest.raises(DamagedFileError, match=r"theory\.md is not the page of theory\.json"):
        check_theory(tmp_path)
    (tmp_path / "theory" / "theory.md").write_text(page)
    content = (tmp_path / "theory" / "theory.json").read_bytes()
    sidecar = (tmp_path / "theory" / "theory.json.sha256").read_text()
    assert hashlib.sha256(content).hexdigest() in sidecar
    document = json.loads(content)
    assert document["provenance"]["commit"]
    assert [r["form"] for r in document["ratios"]] == ["exact", "released", "elbo"]


def test_a_short_training_schedule_is_refused_at_once(tmp_path: Path) -> None:
    short = Experiment(track="analytic", training_schedule=LinearSchedule(T=100))
    with pytest.raises(ExperimentError, match=r"training_schedule\.T: theory needs 1000 steps"):
        report.write_theory(short, Progress(), tmp_path)
    assert not [*tmp_path.iterdir()]
