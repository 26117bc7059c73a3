"""The results page in a browser: it opens by itself, everybody can use it, tables sort."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.report.html.page import write_page

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs the package")
pytestmark = [pytest.mark.browser, pytest.mark.slow]

RESULTS = Path(__file__).parents[2] / "results"
PHONE = {"viewport": {"width": 390, "height": 844}}
DECODED = """async () => {
  const players = [...document.querySelectorAll(".player")];
  const context = new OfflineAudioContext(1, 1, 16000);
  return Promise.all(players.map((player) => Promise.all(
    [...player.querySelectorAll("audio")].map(async (audio) => {
      const bytes = Uint8Array.from(atob(audio.src.split(",")[1]), (c) => c.charCodeAt(0));
      return (await context.decodeAudioData(bytes.buffer)).length;
    }))));
}"""


def serious(page: Any, part: str = "html", **options: Any) -> list[str]:
    """Serious and critical violations that axe finds in a part of the page."""
    found = axe.Axe().run(page, context=part, options=options).response["violations"]
    return [
        f"{one['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"][:3]
    ]


def foreign(requests: list[str], path: Path) -> list[str]:
    """Requests for anything but the page itself and what it carries."""
    return [url for url in requests if url != path.as_uri() and not url.startswith("data:")]


def test_it_opens_from_a_folder_without_errors_and_asks_for_nothing(open_page, results_page):
    opened = open_page()
    opened.page.wait_for_load_state("load")
    assert opened.complaints == []
    assert opened.requests[0] == results_page.as_uri()
    assert foreign(opened.requests, results_page) == []


def test_a_request_or_an_error_would_be_seen(open_page, tmp_path):
    path = tmp_path / "bad.html"
    path.write_text("<img src='http://localhost:1/a.png'><script>missing()</script>")
    opened = open_page(path)
    assert foreign(opened.requests, path) == ["http://localhost:1/a.png"]
    assert any("missing" in text for text in opened.complaints)


def test_all_takes_of_a_player_are_equally_long(open_page):
    lengths = open_page().page.evaluate(DECODED)
    # 1 recording; 13 rows of raw and of scaled speech; 7 clean estimates of each.
    assert [len(of_player) for of_player in lengths] == [27, 15, 27]
    assert {length for of_player in lengths for length in of_player} == {16_000}


def test_a_table_sorts_by_the_keyboard_both_ways(open_page):
    page = open_page().page
    table = page.locator("#claims table").first
    head = table.locator("thead th:has(button)").first
    column = head.evaluate("(head) => head.cellIndex")

    def names() -> list[str]:
        return table.locator(f"tbody td:nth-child({column + 1})").all_text_contents()

    before = names()
    head.locator("button").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    rising = names()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert names() == rising[::-1]
    assert sorted(rising) == sorted(before)
    assert len(rising) > 5


def test_axe_finds_nothing_serious(open_page):
    assert serious(open_page(color_scheme="light").page) == []


def test_axe_finds_enough_contrast_in_the_dark(open_page):  # nothing else depends on colours
    assert serious(open_page(color_scheme="dark").page, runOnly=["color-contrast"]) == []


def test_axe_would_find_a_picture_without_a_name(open_page):
    page = open_page().page
    page.evaluate("document.querySelector('#look img').removeAttribute('alt')")
    assert any(text.startswith("image-alt") for text in serious(page, "#look"))


def test_a_phone_needs_no_scrolling_to_the_side(open_page):
    page = open_page(**PHONE).page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_without_scripts_everything_can_be_read_and_heard(open_page):
    opened = open_page(java_script_enabled=False)
    sounds = opened.page.locator(".player audio[controls]")
    assert sounds.count() == 69
    assert all(one.is_visible() for one in sounds.all())
    assert not any(one.is_visible() for one in opened.page.locator(".switch").all())
    assert all(one.is_visible() for one in opened.page.locator(".take img").all())
    assert opened.page.locator("#claims table tbody tr").count() > 5


@pytest.mark.audit
def test_the_published_page_opens_and_can_be_used(open_page, tmp_path):
    path = RESULTS / "index.html"
    opened = open_page(path if path.is_file() else write_page(RESULTS, tmp_path))
    assert opened.complaints == []
    assert foreign(opened.requests[1:], path) == []
    for lengths in opened.page.evaluate(DECODED):
        assert len(set(lengths)) == 1
