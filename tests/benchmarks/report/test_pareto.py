"""Plots of quality against cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.report.plots.pareto import plot_pareto
from benchmarks.results.places import ranked
from benchmarks.results.schema import RunResults
from synthetic.runs import images, timed


def drawn(results: RunResults, path: Path) -> str:
    plot_pareto(ranked(results, "plain", "fd"), path)
    return path.read_text()


def test_plots_name_efficient_contestants_and_bddm(tmp_path: Path) -> None:
    results = images()
    untimed = [row.model_copy(update={"time": None}) for row in results.rows]
    text = drawn(results.model_copy(update={"rows": untimed}), tmp_path / "plot.svg")
    named = {row.title for row in results.rows if f">{row.title}<" in text}
    assert named == {"BDDM", "DDIM, linear sub-sequence"}  # DDIM is first at 3, 7 and 16
    assert ">others: 2<" in text
    assert ">DDPM-1000<" in text


def test_equal_figures_give_an_equal_plot(tmp_path: Path) -> None:
    first = drawn(images(), tmp_path / "a.svg")
    assert drawn(images(), tmp_path / "b.svg") == first


def test_unstable_times_are_hollow(tmp_path: Path) -> None:
    def told(stable: bool) -> str:
        rows = [row.model_copy(update={"time": timed(row.nfe, stable)}) for row in images().rows]
        return drawn(images().model_copy(update={"rows": rows}), tmp_path / "plot.svg")

    assert ">hollow: unstable time<" in told(stable=False)
    assert ">hollow: unstable time<" not in told(stable=True)


@pytest.mark.parametrize("values", [(0.0, -0.1, 2.0), (1.0, 1.0, 1.0), (0.001, 5.0, 700.0)])
@pytest.mark.parametrize("higher", [False, True])
def test_any_scores_can_be_drawn(tmp_path: Path, values: tuple[float, ...], higher: bool) -> None:
    names = ("bddm", "ddpm", "ddim")
    results = images({name: {3: value} for name, value in zip(names, values, strict=True)})
    info = results.metrics["fd"].model_copy(update={"higher_is_better": higher})
    drawn_text = drawn(results.model_copy(update={"metrics": {"fd": info}}), tmp_path / "plot.svg")
    assert ">BDDM<" in drawn_text
