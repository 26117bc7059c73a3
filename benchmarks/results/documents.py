"""Documents of a results folder: one base for all, read and written by the same class."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bddm_ref.files import DamagedFileError, verify_checksum
from benchmarks.core.errors import first_error
from benchmarks.results.forms import document_file, read_text, write_text

Sha256 = str


class Strict(BaseModel):
    """A part of a document: no unknown fields, no NaN, no changes after it was made."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Provenance(Strict):
    """Code, versions and machine that made a document."""

    commit: str | None
    tree: str | None = Field(description="'clean', or 'changed' against the commit")
    python: str
    packages: dict[str, str]
    system: str
    processor: str
    cores: int | None
    threads: int
    device: str

    @property
    def code(self) -> str:
        """The commit and the state of its tree, as pages print them."""
        return f"commit `{(self.commit or 'unknown')[:12]}` (tree {self.tree or 'unknown'})"


class Document(Strict):
    """A JSON file of a results folder, compressed where it is large.

    Attributes:
        made_by: the command that makes the document again.
        kind: by which files are recognised; each subclass has one literal.
        schema_version: raised when a field changes.
    """

    made_by: ClassVar[str]

    kind: str
    schema_version: int

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a document, once its checksum and its schema have been verified.

        Args:
            path: ``NAME.json``; read from ``NAME.json.gz`` if the document lies there.

        Raises:
            DamagedFileError: the file is missing, altered, not of this schema, or there in both
                forms.
        """
        file = document_file(path.parent, path.name)
        verify_checksum(file)
        try:
            return cls.model_validate_json(read_text(file))
        except ValidationError as error:
            raise DamagedFileError(
                f"{file} breaks its schema at {first_error(error)}; make it again with "
                f"{cls.made_by!r}"
            ) from error

    @property
    def text(self) -> str:
        """The file's content. Fields that were not given are left to their defaults."""
        return self.model_dump_json(indent=1, exclude_unset=True) + "\n"

    def write(self, path: Path) -> Path:
        """Write the document, and its checksum into the folder's ``SHA256SUMS``.

        Args:
            path: ``NAME.json``; a large document goes to ``NAME.json.gz`` instead.

        Returns:
            The file that was written.
        """
        return write_text(path, self.text)


class Measurement(Document):
    """A document of something that was measured, with its date and its origin."""

    created: str
    provenance: Provenance


def kind_of(path: Path) -> str | None:
    """Read the kind that a JSON file states; None where the file is no document.

    Raises:
        DamagedFileError: the file is compressed, and damaged.
    """
    try:
        content: Any = json.loads(read_text(path))
    except (json.JSONDecodeError, UnicodeDecodeError):
        return None
    return content.get("kind") if isinstance(content, dict) else None
