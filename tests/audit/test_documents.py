"""Every committed document keeps its schema, and pages, cards and READMEs agree with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from safetensors.torch import load_file

from benchmarks.cli.app import main
from benchmarks.report.markdown import table_text
from benchmarks.report.pages.claims import summary as ledger_summary
from benchmarks.report.pages.track import summary
from benchmarks.report.readme import BLOCK, BLOCKS
from benchmarks.report.registry import DOCUMENTS
from benchmarks.results.cards import card_of, parameters_in
from benchmarks.results.documents import Document, kind_of
from benchmarks.results.forms import COMPRESSED_FROM, document_files, read_text
from benchmarks.results.ledger import Ledger
from benchmarks.results.owned import files_below
from benchmarks.results.schema import RunResults
from benchmarks.runtime.checkout import REPOSITORY

pytestmark = pytest.mark.audit

RESULTS = REPOSITORY / "results"
OTHER_FOLDERS = {"schedules", "weights"}  # whose JSON files are schedules, and cards


@pytest.fixture(scope="module")
def documents() -> dict[Path, Document]:
    """All documents of the results, by their files."""
    found = {}
    for folder in [RESULTS, *sorted(path for path in RESULTS.rglob("*") if path.is_dir())]:
        for path in [] if folder.name in OTHER_FOLDERS else document_files(folder):
            found[path] = DOCUMENTS[kind_of(path) or ""].schema.read(path)
    return found


def test_every_kind_of_document_is_published(documents: dict[Path, Document]) -> None:
    assert {one.kind for one in documents.values()} == {*DOCUMENTS}


def test_a_document_dumps_back_to_itself(documents: dict[Path, Document]) -> None:
    assert [path for path, one in documents.items() if one.text != read_text(path)] == []


def test_documents_are_compressed_where_they_are_large(documents: dict[Path, Document]) -> None:
    large = {path for path, one in documents.items() if len(one.text.encode()) > COMPRESSED_FROM}
    assert large == {path for path in documents if path.suffix == ".gz"} != set()


def test_the_results_are_small() -> None:
    assert sum(path.stat().st_size for path in files_below(RESULTS)) < 44_000_000


def test_weights_have_cards_that_agree() -> None:
    weights = sorted(RESULTS.glob("weights/*.safetensors"))
    assert weights
    for path in weights:
        card = card_of(path)
        assert card is not None, path
        # Files also hold the fixed frequencies that embed the noise level: no parameters.
        tensors = load_file(path)
        fixed = sum(one.numel() for name, one in tensors.items() if name.endswith(".frequencies"))
        assert card.parameters == parameters_in(path) - fixed
        assert card.whole_seconds is not None


@pytest.mark.slow
def test_pages_checksums_and_readmes_pass_the_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(RESULTS)]) == 0
    said = capsys.readouterr().out
    for part in (
        "speech.json: ",
        "ablation/images.json: ",
        "contestants/speech.json.gz: ",
        "theory/theory.json: ",
        "checksums agree",
        "networks.md: follows from",
        "claims follow from the results",
    ):
        assert part in said
    for readme in (REPOSITORY / "README.md", RESULTS / "README.md"):
        assert f"{readme}: its figures are those of {RESULTS}" in said


def test_the_readmes_have_all_blocks_and_their_tables() -> None:
    readmes = [REPOSITORY / "README.md", RESULTS / "README.md"]
    names = [found["name"] for path in readmes for found in BLOCK.finditer(path.read_text())]
    assert sorted(names) == sorted(BLOCKS)
    text = readmes[1].read_text()
    for track in ("speech", "images"):
        for table in summary(RunResults.read(RESULTS / f"{track}.json")):
            assert table_text(table) in text
    assert table_text(ledger_summary(Ledger.read(RESULTS / "claims.json"))) in text


def test_links_lead_somewhere() -> None:
    pages = ("CONTRIBUTING.md", "results/README.md", "README.md")
    files = [*(REPOSITORY / "docs").glob("*.md"), *(REPOSITORY / page for page in pages)]
    for file in files:
        for target in re.findall(r"\]\((?!http)([^)#\s]+)", file.read_text()):
            assert (file.parent / target).exists(), f"{file.name}: {target}"
