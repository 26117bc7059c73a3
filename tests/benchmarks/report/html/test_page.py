"""The results page: equal bytes, nothing fetched, texts of users harmless."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bddm_ref.files import DamagedFileError
from benchmarks.report.html.blocks import inline, table_html
from benchmarks.report.html.page import page_html, write_page
from benchmarks.report.page import Cell, table

RESULTS = Path(__file__).parents[4] / "results"


@pytest.mark.audit
def test_the_page_of_published_results_is_deterministic_and_fetches_nothing(tmp_path: Path) -> None:
    text = page_html(RESULTS)
    assert text == page_html(RESULTS)
    assert len(text.encode()) < 8_000_000
    assert "default-src 'none'" in text
    assert not re.findall(r'\b(?:src|href)="(?!#|data:|https://)', text)
    assert not re.findall(r'\bsrc="https?:', text)
    data = r'<script type="application/json" id="document-([^"]+)">(.*?)</script>'
    embedded = re.findall(data, text)
    assert {name for name, _ in embedded} >= {"claims.json", "speech.json", "theory/theory.json"}
    assert all(json.loads(content)["kind"] for _, content in embedded)


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match="holds no results"):
        write_page(tmp_path)


def test_texts_of_users_are_no_markup() -> None:
    assert inline("<img src=x onerror=alert(1)> **b**") == (
        "&lt;img src=x onerror=alert(1)&gt; <strong>b</strong>"
    )
    assert "javascript" not in re.findall(r'href="([^"]*)"', inline("[x](javascript:alert(1))"))
    found = table_html(table(["<b>"], [[Cell("</td>", value=1.5, mark="<")]]))
    assert "<b>" not in found
    assert 'data-value="1.5"' in found
    assert "&lt;/td&gt;" in found
