"""The pages of the theory, and their plots."""

from __future__ import annotations

from pathlib import Path

from benchmarks.report.markdown import table_text, to_markdown
from benchmarks.report.pages.theory import theory_page, traces_table
from benchmarks.report.pages.theory_networks import network_page
from benchmarks.report.plots.theory import plot_bounds, plot_networks
from benchmarks.results.theory import SigmaTrace
from synthetic.studies import bound, bounds, network_theory, theory

SOME = bounds(bound(465, n=8), bound(527, 0.04, n=9), bound(1000, length=None))


def test_the_page_of_exact_scores_has_bounds_ratios_and_searches() -> None:
    page = to_markdown(theory_page(theory(bounds=[SOME])))
    assert "training schedule linear with T = 1000." in page
    same = "0.472 … 0.472"
    dropped = f"| `x` | {same} | -0.010 … -0.010 | 2 of 2 | 2 of 2 | 6e-17 | {same} | 1 of 1 |"
    assert dropped in page
    for name, figures, shares in (  # the table is too wide for one
        ("the ELBO's", "-0.500 | 3.472 … 3.472", "0 of 2 | 0 of 2"),
        ("−R, β₁", "-0.500 | -0.145 … 1.355", "1 of 2 | 1 of 2"),
        ("−R, fitted", "-0.400 | 0.662 … 1.355", "0 of 2 | 0 of 2"),
    ):
        assert f"| `x` | {name} | 0.000 | {figures} | 2 of 2 |\n" in page
        assert f"| `x` | {name} | {shares} | 1 of 1 | 0 of 1 |\n" in page
    steps, gaps = "0.722 … 0.722", "-0.634 … 0.060"
    assert f"| `x` | {steps} | {gaps} | -0.834 … -0.140 | 1.355 | 1.555 | {steps} |" in page
    assert "**Proposition 3 holds to 0.01 at 0 of 2 points.**" in page
    assert "holds at 2 of 2 points, as an identity" in page
    assert "| `x` | 465 | 8 | 0.5000 | 0.5000 | 0.2500 | 0.7216 |\n" in page
    assert "| `x` | 465 | 8 | 0.0100 | 0.4716 |" in page
    ratio = "0.440 ± 0.010 / 0.400"
    assert f"| `x` | exact | 10.0% | {ratio} | {ratio} | {ratio} |" in page
    assert "| `x` | 0.01 | elbo | 10 | 0.500 | 0.0100 | 0.0100 | 0.0100 | 0.0100 |" in page
    assert "| `x` | 0.01 | exact | 20 | 0.500 | 0.5000 | 0.9000 | 0.9000 | 0.9000 |" in page
    true, deviations = "0.0100 [-0.0900, 0.1100]", "+1.00 [+0.90, +1.10]"
    assert f"| `x` | released | 7 | -0.0100 | {true} | 0.0200 | {deviations} |" in page
    assert "- commit `abcdef000000` (tree clean), 2026-01-02T03:04:05+00:00; made by" in page


def test_the_page_of_networks_has_intervals_over_items() -> None:
    page = to_markdown(network_page(network_theory()))
    assert page.startswith("# Theory: what the images track's networks say\n")
    assert (
        "Convention `plain`, 64 items: F_elbo -2 [-2.1, -1.9] with β₁, -1.5 [-1.6, -1.4] fitted. "
        "F_bddm ≥ one term at 1 of 1 points inside; each item follows the identity to 1e-12.\n"
    ) in page
    assert "| 497 | 4 | 7 | 0.500 | 0.500 | 0.2500 | 0.7500 | 0.1000 |\n" in page
    ends = "4 [3.9, 4.1] | 0.5 [0.4, 0.6] | 0.5 [0.4, 0.6] |\n"
    assert f"| 497 | 4 | 7 | 0.5000 | 0.6000 | {ends}" in page
    assert "| 100 | 4 | — |" in page
    assert "Convention `plain`, τ = 50:" in page
    assert "| 50 | 0.5000 | 0.440 ± 0.010 | 0.400 |" in page
    assert "The mean of the network in use: 0.700 (`plain`)." in page
    assert "| `plain` | 0.01 | elbo | 10 | 0.500 |" in page
    assert "(images.svg)" in page
    assert "- data `dddddddddddd`, score_net `000000000000`\n" in page


def test_a_training_that_diverged_is_told() -> None:
    broken = SigmaTrace("exact", 0.03, {0: 0.5, 1: 0.6, 2: 0.75}, diverged=3)
    text = table_text(traces_table("Data", [("x", [broken])]))
    assert text.splitlines()[2] == ("| x | 0.03 | exact | — | 0.500 | — | — | — | diverged at 3 |")


def test_equal_figures_give_an_equal_plot(tmp_path: Path) -> None:
    plots = []
    for name in ("a.svg", "b.svg"):
        plot_bounds([SOME], tmp_path / name)
        plots.append((tmp_path / name).read_bytes())
    assert plots[0] == plots[1]
    assert b">F_bddm, inside, \xce\xb2 of the step loss<" in plots[0]
    assert b">F_bddm in the authors' plot<" in plots[0]


def test_the_plot_of_networks_names_its_conventions(tmp_path: Path) -> None:
    plot_networks(network_theory().conventions, tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert ">plain<" in text
    assert ">one KL term of the ELBO<" in text
