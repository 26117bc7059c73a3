"""Documents on disk, verified as they are read."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from bddm_ref.files import DamagedFileError, verify_checksum
from benchmarks.core.errors import first_error

Document = TypeVar("Document", bound=BaseModel)


def read_document(path: Path, kind: type[Document], command: str) -> Document:
    """A JSON document, once its checksum and its schema have been verified.

    Args:
        path: the file, its checksum beside it.
        kind: its schema.
        command: what makes it again.

    Raises:
        DamagedFileError: missing, altered, or not of the schema.
    """
    verify_checksum(path)
    try:
        return kind.model_validate_json(path.read_text())
    except ValidationError as error:
        raise DamagedFileError(
            f"{path} breaks its schema at {first_error(error)}; make it again with {command!r}"
        ) from error
