"""Contents: anchors as GitHub makes them, and links to every heading."""

from __future__ import annotations

import pytest
from pages import dead_links, has_contents

from benchmarks.report.contents import anchor, with_contents
from benchmarks.report.markdown import to_markdown
from benchmarks.report.page import Heading, Origin, Page, Prose


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("Winners", "winners"),
        ("BDDM against each", "bddm-against-each"),
        ("Amplitude convention `raw` (recordings × 1)", "amplitude-convention-raw-recordings--1"),
        ("Is F_elbo ≤ F_bddm ≤ log p?", "is-f_elbo--f_bddm--log-p"),
        ("σ after 10", "σ-after-10"),
        (r"Data a\_b and \`c\*", "data-a_b-and-c"),
        ("a &lt;b> &amp; **c**", "a-b--c"),
    ],
)
def test_anchors_are_those_of_github(heading: str, expected: str) -> None:
    assert anchor(heading) == expected


def test_contents_have_each_heading_of_level_two() -> None:
    blocks = (
        Heading("Title", 1),
        Prose("Words."),
        Heading("Same"),
        Heading("Small", 3),
        Heading("Same"),
        Origin(("here",)),
    )
    text = to_markdown(with_contents(Page(blocks)))
    links = "- [Same](#same)\n- [Same](#same-1)\n- [Origin](#origin)\n"
    assert text.startswith(f"# Title\n\n{links}\nWords.\n")
    assert has_contents(text)
    assert dead_links(text) == []
    assert dead_links(text.replace("## Origin", "## Source")) == ["origin"]


def test_a_page_without_headings_has_no_contents() -> None:
    page = Page((Heading("Title", 1), Prose("Words.")))
    assert with_contents(page) == page
    assert not has_contents(to_markdown(page))


def test_contents_need_a_title() -> None:
    with pytest.raises(ValueError, match="begins with its title"):
        with_contents(Page((Prose("Words."),)))
