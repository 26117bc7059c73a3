"""Do the theory's files of a results folder keep the rules?"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from bddm_ref.checkpoint import DamagedFileError, verify_checksum
from benchmarks.theory.network_report import NetworkDocument, network_page
from benchmarks.theory.report import TheoryDocument, theory_page

EXACT = "theory.json"  # the others are of tracks' networks


def check_theory(folder: Path) -> list[str]:
    """Verify every document below ``theory/``: checksum, schema, and the page.

    Returns:
        One line for each document; none where nothing is published.

    Raises:
        DamagedFileError: the first thing that is wrong.
    """
    lines = []
    for path in sorted(folder.glob("theory/*.json")):
        verify_checksum(path)
        text = path.read_text()
        try:
            expected = (
                theory_page(TheoryDocument.model_validate_json(text))
                if path.name == EXACT
                else network_page(NetworkDocument.model_validate_json(text))
            )
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise DamagedFileError(f"{path} breaks its schema at {where}: {first['msg']}") from None
        page = path.with_suffix(".md")
        if not page.is_file() or page.read_text() != expected:
            raise DamagedFileError(f"{page} is not the page of {path.name}; make it with 'theory'")
        lines.append(f"{path}: checksum, schema and page agree")
    return lines
