"""A user's contestant in whole runs: edited between them, and with samples that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.cli.app import main
from benchmarks.results.examples import examples_of
from benchmarks.results.schema import RunResults
from benchmarks.runtime.noise import item_generators, start_noise

TINY = """
track: analytic
data: gaussian-2
training_schedule: {T: 50, start: 1.0e-4, end: 0.2}
conventions: [{name: exact}]
score_net: {network: exact}
schedule_net: {network: vector, tau: 5, training: {steps: 10, learning_rate: 1.0e-3}}
search: {lengths: [3], searches: []}
rows: [{contestant: ddpm, steps: [3, 5, 50], seeds: 1}]
reference: ddpm-50
margins: {kl: 0.01, energy: 0.005}
headline: [energy]
test_items: 100
batch_items: 100
bf16: false
timing: {rounds: 2, rounds_long: 1}
meaningless: true
"""
MINE = """
from benchmarks.contestants.base import Sampler

class Mine:
    title = "Mine"

    def prepare(self, steps, inputs):
        def run(score_net, x_N, condition, generators):
            for _ in range(steps):
                eps = score_net(x_N, inputs.training.alphas[-1:].expand(len(x_N)), condition)
            return {result}

        return Sampler(run, steps, {{}})
"""

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.tracks.analytic.data.REFERENCE", 500)


def run(place: Path, result: str, *more: str) -> Path:
    """A run with a contestant that returns this; gives the results folder."""
    (place / "tiny.yaml").write_text(TINY)
    mine = place / f"mine{len(result)}.py"  # modules are kept by path
    mine.write_text(MINE.format(result=result))
    options = ["--workspace", str(place / "work"), "--results", str(place / "out")]
    options += ["--contestant", f"mine={mine}:Mine", *more]
    assert main(["run", str(place / "tiny.yaml"), *options]) == 0
    return place / "out"


def test_an_edited_contestant_is_timed_anew(tmp_path: Path) -> None:
    for result in ("eps", "x_N - eps"):
        run(tmp_path, result)
    folders = [path for path in (tmp_path / "work" / "time").iterdir() if path.is_dir()]
    assert len(folders) == 2
    run(tmp_path, "eps")
    assert len([path for path in (tmp_path / "work" / "time").iterdir() if path.is_dir()]) == 2


def test_samples_that_are_not_finite_are_a_row_with_a_reason(tmp_path: Path) -> None:
    out = run(tmp_path, "eps / 0")
    rows = {row.key: row for row in RunResults.read(out / "analytic.json").rows}
    assert rows["exact/mine-3"].skipped == "100 of 100 samples of a batch diverged"
    assert rows["exact/ddpm-3"].skipped is None


def test_equal_places_of_rows_have_equal_start_noise(tmp_path: Path) -> None:
    """Whatever the steps and the batches are; a row that returns its noise shows it."""
    for batch in ("7", "100"):
        (tmp_path / batch).mkdir()
        out = run(tmp_path / batch, "x_N", "--batch-items", batch)
        found = examples_of(out / "analytic.json", RunResults.read(out / "analytic.json"))
        points = found.points_of("exact")
        assert points is not None
        mine = {row.key: row.points for row in points.rows if "mine" in row.key}
        assert set(mine) == {"exact/mine-3", "exact/mine-5"}
        noise = start_noise(item_generators(2021, range(100)), (2,), "cpu")
        for shown in mine.values():
            np.testing.assert_allclose(shown, noise.numpy(), rtol=6e-4)


def test_it_is_ranked_on_the_page_of_contestants(tmp_path: Path) -> None:
    """As docs/contestants.md says it is done."""
    contests = tmp_path / "contestants"
    run(tmp_path, "eps").rename(contests)
    assert main(["contestants", str(tmp_path)]) == 0
    page = (tmp_path / "contestants.md").read_text()
    assert "| Mine | " in page
    assert (contests / "pareto-analytic-exact.svg").is_file()
