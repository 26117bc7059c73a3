"""Results folders and files of claims that tests fill with their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.results.documents import Document
from benchmarks.results.folder import ResultsFolder

CLAIM = """
number: "1"
statement: s
source: x
reported: r
fixed: 2026-01-01
seen: true
known: k
figures:
  - what: STOI
    value: "0.9"
    setting: LJSpeech
    ours: {results: speech, row: raw/bddm-3, metric: stoi}
primary:
  setting: speech
  each: {kind: at_least, level: CPU-scale, command: c, results: speech, bound: 0.5}
  tests:
    - {label: "{c}", row: "{c}/bddm-3", metric: stoi, for: {c: [scaled, raw, none]}}
differs: d
extensions:
  - name: other
    each: {kind: at_least, level: CPU-scale, command: c, results: speech, metric: stoi}
    tests:
      - {bound: 0.5, row: raw/bddm-7}
"""
"""A claim of three primary tests, one of a row that no document has, and one extension."""


@pytest.fixture
def folder_of(tmp_path: Path) -> Callable[..., ResultsFolder]:
    """Makes a folder of documents, each given by its file without ``.json``."""

    def made(**documents: Document) -> ResultsFolder:
        for name, document in documents.items():
            document.write(tmp_path / f"{name.replace('__', '/')}.json")
        return ResultsFolder(tmp_path)

    return made


@pytest.fixture
def claim_text() -> str:
    """The text of a claim's file."""
    return CLAIM
