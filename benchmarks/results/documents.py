"""Documents of a results folder: one base for all, read and written by the same class."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bddm_ref.files import DamagedFileError, verify_checksum, write_listed
from benchmarks.core.errors import first_error

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
    """A JSON file of a results folder.

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

        Raises:
            DamagedFileError: the file is missing, altered, or not of this schema.
        """
        verify_checksum(path)
        try:
            return cls.model_validate_json(path.read_text())
        except ValidationError as error:
            raise DamagedFileError(
                f"{path} breaks its schema at {first_error(error)}; make it again with "
                f"{cls.made_by!r}"
            ) from error

    @property
    def text(self) -> str:
        """The file's content. Fields that were not given are left to their defaults."""
        return self.model_dump_json(indent=1, exclude_unset=True) + "\n"

    def write(self, path: Path) -> None:
        """Write the document, and its checksum into the folder's ``SHA256SUMS``."""
        write_listed(path, partial(Path.write_text, data=self.text))


class Measurement(Document):
    """A document of something that was measured, with its date and its origin."""

    created: str
    provenance: Provenance


def kind_of(path: Path) -> str | None:
    """The kind that a JSON file states; None where it is no document."""
    try:
        content: Any = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError):
        return None
    return content.get("kind") if isinstance(content, dict) else None
