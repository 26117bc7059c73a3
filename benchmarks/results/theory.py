"""Do the theory's files of a results folder keep the rules?"""

from __future__ import annotations

from pathlib import Path

from bddm_ref.files import DamagedFileError
from benchmarks.report.pages.theory import TheoryDocument, theory_page
from benchmarks.report.pages.theory_networks import NetworkDocument, network_page
from benchmarks.results.documents import read_document

EXACT = "theory.json"  # the others are of tracks' networks


def read_theory(path: Path) -> TheoryDocument | NetworkDocument:
    """A theory's document, once its checksum and its schema have been verified.

    Raises:
        DamagedFileError: missing, altered, or not of the schema.
    """
    if path.name == EXACT:
        return read_document(path, TheoryDocument, "theory")
    return read_document(path, NetworkDocument, "theory")


def check_theory(folder: Path) -> list[str]:
    """Verify every document below ``theory/``: checksum, schema, and the page.

    Returns:
        One line for each document; none where nothing is published.

    Raises:
        DamagedFileError: the first thing that is wrong.
    """
    lines = []
    for path in sorted(folder.glob("theory/*.json")):
        found = read_theory(path)
        page = path.with_suffix(".md")
        expected = theory_page(found) if isinstance(found, TheoryDocument) else network_page(found)
        if not page.is_file() or page.read_text() != expected:
            raise DamagedFileError(f"{page} is not the page of {path.name}; make it with 'theory'")
        lines.append(f"{path}: checksum, schema and page agree")
    return lines
