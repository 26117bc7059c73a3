"""What a schedule network learns, the collapse, and the document of the theory."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from bddm_ref.extras.networks.vector_ratio import VectorRatioNet
from bddm_ref.extras.rules import closed_form_rule, rule_betas
from bddm_ref.files import verify_checksum
from bddm_ref.losses import optimal_ratio
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import Start, starts
from bddm_ref.search_released import released_search
from bddm_ref.searching import SearchPlan
from bddm_ref.training import train
from benchmarks.cli.app import main
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Experiment, LinearSchedule
from benchmarks.data.distributions import distribution
from benchmarks.report.pages.theory import SHOWN_UPDATES
from benchmarks.results.theory import (
    DataTraces,
    RatioStudy,
    SigmaTrace,
    TheoryDocument,
    inside,
)
from benchmarks.runtime.progress import Progress
from benchmarks.studies.theory import collapse, exact, ratio
from benchmarks.studies.theory import optimism as optimism_of_searches
from benchmarks.studies.theory.collapse import collapse_study
from benchmarks.studies.theory.optimism import optimism_studies, passes
from benchmarks.studies.theory.ratio import ratio_study
from benchmarks.tracks.analytic.exact_score import ExactScoreNet
from synthetic.studies import bound, bounds, near, optimism, ratios, traces

TRAINING = NoiseSchedule.linear(1000, 1e-4, 0.02)
SHORT = dataclasses.replace(ratio.TRAINING, steps=400, learning_rate=4e-3)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the items of an update, and a quarter of those that the network is evaluated on."""
    monkeypatch.setattr(ratio, "BATCH", 64)
    monkeypatch.setattr(ratio, "ITEMS", 500)


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_the_step_loss_finds_the_closed_form_where_the_level_can_be_told() -> None:
    study = ratio_study("gaussian-64", "exact", TRAINING, SHORT)
    assert study.error < 0.03
    middle = study.points[len(study.points) // 2]
    assert middle.closed <= optimal_ratio(middle.s) + 1e-12


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_one_dimension_does_not_tell_the_level() -> None:
    study = ratio_study("gaussian-1", "exact", TRAINING, SHORT)
    assert study.error > 0.1
    assert max(point.spread for point in study.points) > 0.02


@pytest.mark.slow
def test_the_elbo_collapses_and_the_step_loss_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collapse, "RATES", (1e-2,))
    monkeypatch.setattr(collapse, "ITEMS", 20)
    found = collapse_study("gaussian-16", TRAINING, updates=100).traces
    assert [one.form for one in found] == ["elbo", "exact", "released"]
    elbo, step, _ = found
    assert elbo.sigma[0] == step.sigma[0] > 0.3  # the same start
    assert elbo.limit < 0.1
    assert step.limit > 0.5
    assert elbo.updates == 100
    watched = [update for update in range(101) if collapse.is_watched(update)]
    assert sorted(elbo.sigma) == watched
    assert elbo.half_time is not None
    assert elbo.half_time < 50


def test_a_half_time_is_the_first_update_past_half_of_the_change() -> None:
    falling = SigmaTrace("elbo", 0.01, {0: 0.5, 1: 0.4, 2: 0.26, 3: 0.24, 4: 0.3, 10: 0.0})
    assert (falling.half_time, falling.limit, falling.updates) == (3, 0.0, 10)
    rising = SigmaTrace("exact", 0.01, {0: 0.5, 1: 0.3, 2: 0.71, 10: 0.9})
    assert rising.half_time == 2


def test_a_training_that_diverges_is_a_result() -> None:
    """Loss and gradient grow until the loss is not finite; the trace tells at which update."""

    def run(observe: Callable[[int, nn.Module], None]) -> None:
        observe(0, module)
        train(module, loss, collapse.config_at(0.01, 9), observe=lambda n, _: observe(n, module))

    def loss(step: int, generator: torch.Generator) -> torch.Tensor:
        return module.weight.square().sum() / (0.0 if step == 2 else 1.0)

    module = nn.Linear(1, 1, bias=False)
    found = collapse.traced("exact", 0.01, lambda net: float(net.weight.detach()), run)
    assert found.diverged == 3
    assert sorted(found.sigma) == [0, 1, 2]
    assert found.half_time is None


@pytest.mark.slow
def test_the_released_search_is_optimistic_and_ours_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Twenty times the samples of a judgement: the true distance is off by a quarter of its noise.
    monkeypatch.setattr(optimism_of_searches, "MANY", 1_000)
    monkeypatch.setattr(optimism_of_searches, "BINS", 3)
    monkeypatch.setattr(optimism_of_searches, "REFERENCE", 1_000)
    monkeypatch.setattr(optimism_of_searches, "UPDATES", 200)
    released, ours = optimism_studies("modes-1", TRAINING, runs=8)
    assert (released.rule, ours.rule) == ("released", "ours")
    assert released.optimism.value > 0.3
    # A third, fresh judgement is unbiased: eight of them are within 4 / sqrt(8) deviations.
    assert abs(ours.optimism.value) < 4 / 8**0.5
    assert ours.optimism.value < released.optimism.value
    assert ours.true.value > 0


def test_released_passes_draw_fresh_noise_and_ours_share_theirs() -> None:
    networks = (ExactScoreNet("modes-1"), VectorRatioNet(1))
    start = starts(TRAINING, 3)[0]
    rules = optimism_of_searches.RULES
    released = passes(networks, TRAINING, 1, rules["released"], 0)
    ours = passes(networks, TRAINING, 1, rules["ours"], 0)
    assert released(start) != released(start)
    assert ours(start) == ours(start)
    assert ours(start) != passes(networks, TRAINING, 1, rules["ours"], 1)(start)


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


def test_all_studies_become_one_document_with_its_page_and_plot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(exact, "BOUND_DATA", ("gaussian-1",))
    monkeypatch.setattr(exact, "RATIO_DATA", ("gaussian-2",))
    monkeypatch.setattr(exact, "SEARCH_DATA", ("modes-2",))
    found = optimism("released", near(0.01, 0.1), near(1.0, 0.1))
    monkeypatch.setattr(exact, "optimism_studies", lambda name, training: [found])
    monkeypatch.setattr(exact, "bounds_of", lambda name, training: bounds(bound(465)))

    def study(name: str, form: str, training: NoiseSchedule) -> RatioStudy:
        assert len(training) == 1000
        return ratios(form)

    monkeypatch.setattr(exact, "collapse_study", lambda name, training: DataTraces(name, traces()))
    monkeypatch.setattr(exact, "ratio_study", study)
    assert main(["theory", "analytic", "--results", str(tmp_path)]) == 0
    path = tmp_path / "theory" / "theory.json"
    assert path.with_suffix(".md").read_text() in capsys.readouterr().out
    assert path.with_name("bounds.svg").is_file()
    verify_checksum(path)
    document = TheoryDocument.read(path)
    assert document.searches == [found]
    assert [one.data for one in document.bounds] == ["x"]
    assert [one.form for one in document.ratios] == ["exact", "released"]
    assert document.collapses == [DataTraces("gaussian-2", traces())]
    assert document.provenance.device == "cpu"


def test_the_page_shows_updates_that_are_watched() -> None:
    assert all(collapse.is_watched(update) for update in SHOWN_UPDATES)


def test_a_short_training_schedule_is_refused_at_once(tmp_path: Path) -> None:
    short = Experiment(track="analytic", training_schedule=LinearSchedule(T=100))
    with pytest.raises(ExperimentError, match=r"training_schedule\.T: theory needs 1000 steps"):
        exact.write_theory(short, Progress(), tmp_path)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("t", "n", "N"),
    [
        (213, 2, 5),  # tau 200: 200 <= 213 < 400
        (497, 4, 7),  # tau 142: 426 <= 497 < 568
        (899, 15, 16),  # tau 62: 868 <= 899 < 930
        (1000, 8, None),  # no junction lies within tau of T
        (10, 6, None),  # only lengths above 100 would do
        (50, 12, None),
    ],
)
def test_points_inside_the_papers_assumptions(t: int, n: int, N: int | None) -> None:
    assert inside(t, n, 1000) == N
