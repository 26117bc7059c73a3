"""The results page: equal bytes, nothing fetched, texts of users harmless, every link and id."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markupsafe import Markup

from bddm_ref.files import DamagedFileError
from benchmarks.report.html import page
from benchmarks.report.html.blocks import inline, table_html
from benchmarks.report.html.page import check_page, page_html, refresh_page, write_page
from benchmarks.report.html.section import Details, Media, Section
from benchmarks.report.page import Cell, Table, table
from benchmarks.results.owned import PAGE
from benchmarks.results.schema import RepeatSchedule, RowResult
from benchmarks.results.store import root_of
from benchmarks.results.whole import WholeFolder
from synthetic.folder import copied, write_results
from synthetic.runs import KL, analytic, images, row, run, speech, write_run

RESULTS = Path(__file__).parents[4] / "results"
VOID = {"br", "hr", "img", "input", "link", "meta", "path", "rect", "source"}
ALL = ["claims", "quality", "schedules", "theory", "cost", "authors-audio", "origin"]


class Seen(HTMLParser):
    """Ids, links, open elements and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.open: list[str] = []
        self.charts: list[dict[str, str | None]] = []
        self.words: dict[str, str] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if "id" in found:
            self.ids.append(found["id"] or "")
        if tag == "svg":
            self.charts.append(found)
        if tag not in VOID:
            self.open.append(tag)
            self.place = found.get("id") or ""

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in {"title", "desc"}:
            self.words[self.place] = data

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with documents of every kind, in which speech has schedules."""
    folder = write_results(tmp_path_factory.mktemp("page"))
    found = speech()
    rows = [with_schedules(one) for one in found.rows]
    write_run(folder, found.model_copy(update={"rows": rows}))
    return folder


def with_schedules(one: RowResult) -> RowResult:
    betas = [0.5 * n / one.steps for n in range(1, one.steps + 1)]
    if one.contestant != "bddm":
        return one.model_copy(update={"betas": betas if one.steps < 100 else None})
    found = [
        RepeatSchedule(
            repeat=repeat,
            betas=[beta / (1 + repeat) for beta in betas],
            start={"tau": 62, "alpha": 0.1, "beta": 0.2, "kernel": "ddpm"},
            complete=True,
            scores=[1.0],
        )
        for repeat in range(3)
    ]
    return one.model_copy(update={"betas": betas, "schedules": found})


@pytest.fixture(scope="module")
def text(folder: Path) -> str:
    return page_html(folder)


@pytest.fixture(scope="module")
def seen(text: str) -> Seen:
    return Seen(text)


def sections_of(text: str) -> list[str]:
    return re.findall(r'<section id="([^"]+)"', text)


@pytest.mark.audit
@pytest.mark.slow
def test_the_page_of_published_results_is_small_and_soon_made(tmp_path: Path) -> None:
    began = time.process_time()
    text = page_html(RESULTS)
    assert time.process_time() - began < 30
    assert len(text.encode()) < 8_000_000
    found = Seen(text)
    assert len({*found.ids}) == len(found.ids)
    assert sections_of(text)[:2] == ["claims", "quality"]
    embedded = dict(embedded_in(text))
    assert {*embedded} >= {"claims.json", "speech.json", "theory/theory.json"}
    assert all(document["kind"] for document in embedded.values())


def embedded_in(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    data = r'<script type="application/json" id="document-([^"]+)">(.*?)</script>'
    for name, content in re.findall(data, text):
        yield name, json.loads(content)


def test_equal_results_give_equal_pages(folder: Path, text: str, tmp_path: Path) -> None:
    assert page_html(copied(folder, tmp_path, "**/*")) == text
    assert sections_of(text) == ALL


def test_nothing_is_fetched(seen: Seen) -> None:
    policy = next(value for _, name, value in seen.attributes if value.startswith("default-src"))
    assert policy.startswith("default-src 'none';")
    targets = [
        (tag, name, value)
        for tag, name, value in seen.attributes
        if name in {"src", "href", "xlink:href", "action", "srcset", "poster", "data"}
    ]
    others = [one for one in targets if not one[2].startswith(("#", "data:"))]
    assert {(tag, name) for tag, name, _ in others} <= {("a", "href")}
    assert all(value.startswith("https://") for _, _, value in others)
    assert not [
        value for _, _, value in seen.attributes if "url(" in value and "url(#" not in value
    ]


def test_every_id_is_unique_and_every_link_has_a_target(seen: Seen) -> None:
    assert not seen.open
    assert len({*seen.ids}) == len(seen.ids)
    links = [value[1:] for _, name, value in seen.attributes if name == "href" and value[:1] == "#"]
    assert len(links) > 10
    used = [
        name for _, _, value in seen.attributes for name in re.findall(r"url\(#([^)]+)\)", value)
    ]
    assert {*links, *used} <= {*seen.ids}
    labels = [value for _, name, value in seen.attributes if name == "aria-labelledby"]
    assert {one for value in labels for one in value.split()} <= {*seen.ids}


def test_every_chart_tells_its_subject_and_its_finding(seen: Seen) -> None:
    assert len(seen.charts) > 20
    for chart in seen.charts:
        assert chart["role"] == "img"
        title, description = (chart["aria-labelledby"] or "").split()
        assert len(seen.words[title]) > 10
        assert re.search(r"\d", seen.words[description]), title
    told = seen.words["quality-speech-raw-pesq-wb-lqo-evaluations-description"]
    assert told.startswith("Best at 3 evaluations: BDDM 2.50 [2.40, 2.60]; 7 evaluations: BDDM")
    assert "ddpm-1000 has 3.20" in told


def test_the_boxes_of_a_legend_switch_drawn_series(text: str) -> None:
    for part in text.split('<div class="switched">')[1:]:
        groups = {
            int(one)
            for found in re.findall(r'data-groups="([^"]+)"', part)
            for one in found.split()
        }
        drawn = {
            int(one)
            for one in re.findall(r'<g id="[^"]*-series(\d+)-', part.partition("<details")[0])
        }
        assert drawn
        assert drawn <= groups


def test_the_lead_has_at_most_five_sentences_from_the_documents(text: str) -> None:
    head = text.partition("</header>")[0]
    lead = re.findall(r"<li>(.*?)</li>", head.partition("<nav")[0])
    assert 3 <= len(lead) <= 5
    assert "18 claims" in lead[0]
    assert "BDDM has 2.50 [2.40, 2.60] with 3 and 3.10 [3.00, 3.20] with 16" in lead[1]
    assert "DDPM has 2.20 [2.10, 2.30] with 16 and 3.20 [3.10, 3.30] with 1000 steps" in lead[1]


def test_sections_without_documents_are_absent(tmp_path: Path) -> None:
    write_run(tmp_path, analytic())
    text = page_html(tmp_path)
    assert sections_of(text) == ["quality", "cost", "origin"]
    assert "claims that can be tested" not in text
    betas = {"betas": [0.01, 0.2, 0.7]}
    rows = [row("gaussian-16/bddm-3", {}, **betas), row("gaussian-16/ddpm-1000", {})]
    data = {"conventions": [{"name": "gaussian-16", "data": "gaussian-16"}]}
    write_run(tmp_path, run("analytic", rows, experiment=data), [])
    assert sections_of(page_html(tmp_path)) == ["schedules", "origin"]


def test_a_smoke_run_says_so(tmp_path: Path) -> None:
    write_run(tmp_path, speech(meaningless=True))
    text = page_html(tmp_path)
    assert text.count("its figures mean nothing") == 2
    assert sections_of(text)[0] == "quality"


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match="holds no results"):
        write_page(tmp_path)


BAD = '</script><script>alert(1)</script><b>$x$ **b** [l](javascript:alert(1)) <!-- id="x"'


def test_titles_with_markup_are_text_everywhere(tmp_path: Path) -> None:
    found = images()
    rows = [
        one.model_copy(update={"title": BAD}) if one.contestant == "constants" else one
        for one in found.rows
    ]
    write_run(tmp_path, found.model_copy(update={"rows": rows}))
    text = page_html(tmp_path)
    assert "<script>alert" not in text
    assert "<b>" not in text
    seen = Seen(text)
    assert not [value for _, name, value in seen.attributes if value.startswith("javascript")]
    assert len({*seen.ids}) == len(seen.ids)
    document = dict(embedded_in(text))["images.json"]
    assert BAD in json.dumps(document, ensure_ascii=False).replace('\\"', '"')


def test_texts_of_users_are_no_markup() -> None:
    assert inline("<img src=x onerror=alert(1)> **b**") == (
        "&lt;img src=x onerror=alert(1)&gt; <strong>b</strong>"
    )
    assert "javascript" not in re.findall(r'href="([^"]*)"', inline("[x](javascript:alert(1))"))
    found = table_html(table(["<b>"], [[Cell("</td>", value=1.5, mark="<")]]))
    assert "<b>" not in found
    assert 'data-value="1.5"' in found
    assert "&lt;/td&gt;" in found


def test_a_page_that_would_be_too_large_leaves_out_spare_parts_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(tmp_path, analytic(KL))
    sounds = [Media(Markup("<p>{}</p>").format(f"{i}" * 9_000), f"clip {i}", i) for i in range(4)]
    section = Section("listen", "Listen", (*sounds[:2], Details("more", tuple(sounds[2:]))))
    monkeypatch.setattr(page, "SECTIONS", (lambda results: section,))
    whole = len(page_html(tmp_path).encode())
    monkeypatch.setattr(page, "LARGEST", whole - 12_000)
    text = page_html(tmp_path)
    kept = [i for i in range(4) if f"{i}" * 9_000 in text]
    assert kept == [0, 1]
    assert re.search(r"stays below [\d.]+ MB: clip 2, clip 3", text)
    monkeypatch.setattr(page, "LARGEST", 5_000)
    with pytest.raises(DamagedFileError, match="at most"):
        page_html(tmp_path)


def test_a_page_that_says_something_else_than_the_results_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path, analytic())
    assert check_page(tmp_path) is None
    assert refresh_page(tmp_path) is None
    path = write_page(tmp_path)
    assert "follows from the results" in (check_page(tmp_path) or "")
    path.write_text(path.read_text().replace("2.5", "2.6"))
    with pytest.raises(DamagedFileError, match="make it again with 'page'"):
        check_page(tmp_path)
    assert refresh_page(tmp_path) == tmp_path / PAGE
    assert check_page(tmp_path)


def test_a_run_below_a_results_folder_is_on_the_folders_page(tmp_path: Path) -> None:
    places = ("contestants", "contestants/long", "networks/other", "ablation")
    write_run(tmp_path, analytic())
    path = write_page(tmp_path)
    for place in places:
        (tmp_path / place).mkdir(parents=True)
        path.write_text("old")
        assert refresh_page(tmp_path / place) == path
        assert check_page(tmp_path)
    assert root_of(tmp_path / "mine") == tmp_path / "mine"
    empty = tmp_path / "empty" / "ablation"  # no runs above it
    assert root_of(empty) == empty


def test_each_claim_has_a_line_with_sign_and_word_and_its_tests(folder: Path) -> None:
    found = page.claims_section(WholeFolder(folder))
    assert found is not None
    tests = [one for one in found.parts if isinstance(one, Details) and one.anchor]
    overview = next(one for one in found.parts if isinstance(one, Table))
    assert len(overview.rows) == len(tests) == 18
    for line, one in zip(overview.rows, tests, strict=True):
        number, verdict = line[0], line[overview.heads.index("Verdict")]
        assert isinstance(number, Cell)
        assert isinstance(verdict, Cell)
        assert number.link == f"#{one.anchor}"
        sign, _, word = verdict.text.partition(" ")
        assert (sign, word) in {
            ("✓", "holds"),
            ("◐", "holds in part"),
            ("✗", "does not hold"),
            ("○", "open"),
        }
