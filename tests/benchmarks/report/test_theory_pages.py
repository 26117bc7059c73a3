"""The pages of the theory, and their plots."""

from __future__ import annotations

from pathlib import Path

from benchmarks.report.markdown import to_markdown
from benchmarks.report.pages.theory import theory_page
from benchmarks.report.pages.theory_networks import network_page
from benchmarks.report.plots.theory import plot_bounds, plot_networks
from synthetic.studies import bound, bounds, network_theory, theory

THREE = bounds(bound(10, 0.5), bound(100, -0.45), bound(1000, -2.0))


def test_points_where_the_claims_hold_are_counted() -> None:
    assert THREE.counts(fitted=False) == (3, 3, 0, 0)
    # 0.5 is above log p; -0.45 is at least -0.4 within the error; -2 is below the ELBO.
    assert THREE.counts(fitted=True) == (3, 2, 2, 1)


def test_the_page_of_exact_scores_has_bounds_ratios_and_searches() -> None:
    page = to_markdown(theory_page(theory(bounds=[THREE])))
    assert "training schedule linear with T = 1000." in page
    assert "| `x` | 10 | 4 | 0.000 | -0.500 | -4 | -3 | -5 | -0.400 | 0.500 | -0.200 |" in page
    assert "| `x` | β₁ | 3 | 3 | 0 | 0 |" in page
    assert "| `x` | fitted | 3 | 2 | 2 | 1 |" in page
    ratio = "0.440 ± 0.010 / 0.400"
    assert f"| `x` | exact | 10.0% | {ratio} | {ratio} | {ratio} |" in page
    assert "| `x` | elbo | 10.0% |" not in page  # collapsed, it has no ratio to learn
    assert f"| `x` | elbo |{' 0.2500 |' * 7}\n" in page
    true, deviations = "0.0100 [-0.0900, 0.1100]", "+1.00 [+0.90, +1.10]"
    assert f"| `x` | released | 7 | -0.0100 | {true} | 0.0200 | {deviations} |" in page
    assert "- commit `abcdef000000` (tree clean), 2026-01-02T03:04:05+00:00; made by" in page


def test_the_page_of_networks_has_intervals_over_items() -> None:
    page = to_markdown(network_page(network_theory()))
    assert page.startswith("# Theory: what the images track's networks say\n")
    assert (
        "Convention `plain`, 64 items: F_elbo -2 [-2.1, -1.9] with β₁, -1.5 [-1.6, -1.4] fitted.\n"
    ) in page
    line = "| 10 | 4 | -1.5 | -1.5 | 0.5 [0.4, 0.6] | -1.500 | 0.5 [0.4, 0.6] |"
    assert line in page
    assert "| 50 | 0.5000 | 0.440 ± 0.010 | 0.400 |" in page
    assert "| Convention | In use | ELBO, 0 | ELBO, 30 | ELBO, 1000 |" in page
    assert "| `plain` | 0.700 | 0.5000 | 0.3000 | 0.0100 |" in page
    assert "![F_bddm over the junction t](images.svg)" in page
    assert "- data `dddddddddddd`, score_net `000000000000`\n" in page


def test_equal_figures_give_an_equal_plot(tmp_path: Path) -> None:
    plots = []
    for name in ("a.svg", "b.svg"):
        plot_bounds([THREE], tmp_path / name)
        plots.append((tmp_path / name).read_bytes())
    assert plots[0] == plots[1]
    assert b">F_bddm, fitted, own steps<" in plots[0]


def test_the_plot_of_networks_names_its_conventions_and_lengths(tmp_path: Path) -> None:
    plot_networks(network_theory().conventions, tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert ">plain<" in text
    assert ">F_bddm, 4 steps<" in text
