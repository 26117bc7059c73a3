"""Texts of users do no harm on pages: they show as they were written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.core.names import LONGEST_TITLE
from benchmarks.report.inline import LONGEST, code, harmless, in_cell, plain
from benchmarks.report.markdown import table_text, to_markdown
from benchmarks.report.page import Bullets, Heading, Page, Prose, table
from benchmarks.report.pages.compare import compare_page
from benchmarks.report.pages.networks import networks_page
from benchmarks.report.pages.ranking import ranking_page
from benchmarks.report.pages.track import summary, track_page
from benchmarks.report.plots.pareto import plot_pareto
from benchmarks.report.plots.text import unformatted
from benchmarks.results.compare import Changes, compare_documents
from benchmarks.results.places import ranked
from benchmarks.results.ranking import Part, ranked_tracks
from benchmarks.results.schema import RunResults
from synthetic.runs import images, speech, write_run

HOSTILE = [
    "a | b",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</td><!-- -->",
    "line\nbreak",
    "\n# heading\n\n- list",
    "\x1b[31mred\x1b[0m",
    "a\u202eb",
    "`code`",
    "```\nfence",
    "[here](https://example.org)",
    "![x](https://example.org/x.png)",
    "[x]: https://example.org",
    "**bold** _under_ ~~gone~~",
    "$E = mc^2$",
    "back\\slash \\| pipe",
    "&lt;b&gt; &#60;",
    "x" * 5_000,
]


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("BDDM, from α_T", "BDDM, from α_T"),
        ("DiffWave's fast sampling, BASE", "DiffWave's fast sampling, BASE"),
        ("KL(data ‖ sampler), κ = 1 [x] 3 < 4 & 5", "KL(data ‖ sampler), κ = 1 [x] 3 < 4 & 5"),
        ("a|b", r"a\|b"),
        (r"a\|b", r"a\\\|b"),
        ("<b>", "&lt;b>"),
        ("</b>", "&lt;/b>"),
        ("&amp;", "&amp;amp;"),
        ("*a* _b_ __c", r"\*a\* \_b\_ \_\_c"),
        ("snake_case_", r"snake_case\_"),
        ("`a`", r"\`a\`"),
        ("[a](b) [a][b]", r"[a\](b) [a\][b]"),
        ("$x$ ~~y~~", r"\$x\$ \~\~y\~\~"),
        ("a\nb", "a b"),
        ("\x1b[0m", r"\\x1b[0m"),
    ],
)
def test_plain(text: str, escaped: str) -> None:
    assert plain(text) == escaped


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("raw", "`raw`"),
        ("a b\\c", "`a b\\c`"),
        ("a`b", r"a\`b"),
        ("a|b", r"a\|b"),
        ("<b>", "&lt;b>"),
        ("a\nb", "`a b`"),
    ],
)
def test_code(text: str, written: str) -> None:
    assert code(text) == written


@pytest.mark.parametrize(
    ("text", "cell"),
    [("a|b", r"a\|b"), (r"a\|b", r"a\|b"), (r"a\\|b", r"a\\\|b"), ("a\nb", "a b"), ("||", r"\|\|")],
)
def test_in_cell(text: str, cell: str) -> None:
    assert in_cell(text) == cell


def test_finished_markdown_keeps_its_own_markup() -> None:
    assert harmless("**a** [b](c) `d`\n| x |") == "**a** [b](c) `d`\n| x |"
    assert harmless("<i>\x07") == "&lt;i>\\x07"


def test_blocks_stay_blocks() -> None:
    page = Page((Heading("a\nb"), Bullets(("c\n\n# d",)), Prose("<u>"), table(["h"], [["x|y\nz"]])))
    assert to_markdown(page) == "## a b\n\n- c  # d\n\n&lt;u>\n\n| h |\n| --- |\n| x\\|y z |\n"


def columns(line: str) -> int:
    """Cells of a table's line; a pipe behind a backslash is text."""
    return line.replace("\\\\", "").replace("\\|", "").count("|")


def assert_harmless(page: str, text: str) -> None:
    assert page.replace("\n", "").isprintable()
    assert "<script" not in page
    assert "<img" not in page
    assert "](https://example.org" not in page.replace("\\](https", "")
    assert "\n# heading" not in page
    tables = [block.splitlines() for block in page.split("\n\n")]
    for lines in tables:
        if lines and lines[0].startswith("|"):
            assert len({columns(line) for line in lines}) == 1, text
    assert max(map(len, page.splitlines())) < 30 * LONGEST


def doctored(results: RunResults, text: str) -> RunResults:
    """Results as a hostile folder may hold them: the text wherever a run has free text."""
    last = results.rows[-1].key
    rows = [
        row.model_copy(update={"title": text} | ({"skipped": text} if row.key == last else {}))
        for row in results.rows
    ]
    made = results.provenance.model_copy(
        update=dict.fromkeys(("processor", "device", "system", "python"), text)
    )
    metrics = {k: v.model_copy(update={"title": text}) for k, v in results.metrics.items()}
    judge = results.judge and results.judge.model_copy(update={"name": text, "distance": text})
    return results.model_copy(
        update={
            "rows": rows,
            "provenance": made,
            "metrics": metrics,
            "data": results.data.model_copy(update={"name": text}),
            "judge": judge,
            "wall_seconds": {text: 1.0},
        }
    )


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
@pytest.mark.parametrize("make", [speech, images])
def test_pages_of_runs(make: Callable[[], RunResults], text: str) -> None:
    assert_harmless(to_markdown(track_page(doctored(make(), text))), text)


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_pages_of_rankings_and_networks(text: str) -> None:
    results = doctored(images(), text)
    assert_harmless(to_markdown(ranking_page(ranked_tracks([Part(results, "a.md")]))), text)
    assert_harmless(to_markdown(networks_page({text: results, "other": images()})), text)


@pytest.mark.parametrize("text", [one for one in HOSTILE if one.isprintable()], ids=ascii)
def test_pages_of_comparisons(text: str, tmp_path: Path) -> None:
    write_run(tmp_path / "a", speech())
    write_run(tmp_path / "b", doctored(speech(), text))
    found = compare_documents(tmp_path / "a" / "speech.json", tmp_path / "b" / "speech.json")
    assert found.settings
    page = to_markdown(compare_page(Changes(tracks=[found], unmatched=[text])))
    assert_harmless(page, text)


def test_equal_titles_are_told_apart() -> None:
    results = images()
    rows = [row.model_copy(update={"title": "BDDM"}) for row in results.rows]
    page = to_markdown(track_page(results.model_copy(update={"rows": rows})))
    first = table_text(summary(results.model_copy(update={"rows": rows}))[0])
    assert len(first.splitlines()) == len(table_text(summary(results)[0]).splitlines())
    for name in {row.contestant for row in rows}:
        assert f"| BDDM ({name}) |" in first
        assert f"| BDDM ({name}) | 3 |" in page


@pytest.mark.parametrize("text", ["$x", "$a$", "$\\frac$", "_hidden", "50 % \\ of <b> & {x}"])
def test_plots_take_any_title(text: str, tmp_path: Path) -> None:
    results = doctored(images(), text)
    plot_pareto(ranked(results, "plain", "fd"), tmp_path / "a.svg")
    drawn = (tmp_path / "a.svg").read_text()
    assert text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") in drawn


def test_dollars_are_no_formula() -> None:
    assert unformatted("$a$") == r"\$a\$"
    assert len("x" * LONGEST_TITLE) < LONGEST
