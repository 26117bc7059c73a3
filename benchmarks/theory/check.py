"""Do the theory's files of a results folder keep the rules?"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from bddm_ref.checkpoint import DamagedFileError, verify_checksum
from benchmarks.theory.network_report import NetworkDocument, network_page
from benchmarks.theory.report import TheoryDocument, theory_page
from benchmarks.validation import first_error

EXACT = "theory.json"  # the others are of tracks' networks


def read_document(path: Path) -> TheoryDocument | NetworkDocument:
    """A theory's document, once its checksum and its schema have been verified.

    Raises:
        DamagedFileError: missing, altered, or not of the schema.
    """
    verify_checksum(path)
    kind = TheoryDocument if path.name == EXACT else NetworkDocument
    try:
        return kind.model_validate_json(path.read_text())
    except ValidationError as error:
        raise DamagedFileError(
            f"{path} breaks its schema at {first_error(error)}; make it again with 'theory'"
        ) from error


def check_theory(folder: Path) -> list[str]:
    """Verify every document below ``theory/``: checksum, schema, and the page.

    Returns:
        One line for each document; none where nothing is published.

    Raises:
        DamagedFileError: the first thing that is wrong.
    """
    lines = []
    for path in sorted(folder.glob("theory/*.json")):
        found = read_document(path)
        page = path.with_suffix(".md")
        expected = theory_page(found) if isinstance(found, TheoryDocument) else network_page(found)
        if not page.is_file() or page.read_text() != expected:
            raise DamagedFileError(f"{page} is not the page of {path.name}; make it with 'theory'")
        lines.append(f"{path}: checksum, schema and page agree")
    return lines
