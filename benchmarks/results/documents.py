"""Documents of a results folder: one base for all, read and written by the same class."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, Field, ValidationError

from bddm_ref.files import DamagedFileError, verify_checksum
from benchmarks.core.errors import first_error
from benchmarks.core.names import RULE, is_name
from benchmarks.results.forms import document_file, read_text, write_text
from benchmarks.results.strict import Strict


def _named(text: str) -> str:
    if not is_name(text.lower() if text.isascii() else text):  # earlier names may have capitals
        raise ValueError(f"it must be {RULE}")
    return text


Name = Annotated[str, AfterValidator(_named)]
"""A name that may be part of a file's name."""


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
            DamagedFileError: the file is missing, altered, not of this schema, there in both
                forms, or has texts that are not one printable line each.
        """
        file = document_file(path.parent, path.name)
        verify_checksum(file)
        text = read_text(file)
        if place := _unprintable(text):
            raise DamagedFileError(
                f"{file} has characters that cannot be printed at {place}; make it again with "
                f"{cls.made_by!r}"
            )
        try:
            return cls.model_validate_json(text)
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


def _unprintable(text: str) -> str | None:
    """The place of the first string in JSON text that is not one printable line; None: no such."""
    if "\\" not in text and text.replace("\n", "").isprintable():
        return None  # the usual case, without a second reading of the text
    try:
        return next(_unprintable_parts(json.loads(text), ""), None)
    except (json.JSONDecodeError, RecursionError):
        return None  # the schema says what is wrong


def _unprintable_parts(value: Any, place: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from () if key.isprintable() else (f"a key of {place or 'the document'}",)
            yield from _unprintable_parts(part, f"{place}.{key}".removeprefix("."))
    elif isinstance(value, list):
        for i, part in enumerate(value):
            yield from _unprintable_parts(part, f"{place}.{i}")
    elif isinstance(value, str) and not value.isprintable():
        yield place


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
