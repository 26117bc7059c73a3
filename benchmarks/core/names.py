"""The one rule for names, and the one line that titles and reasons are."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from benchmarks.core.errors import ExperimentError

NAME = re.compile(r"[a-z0-9]([a-z0-9_.-]*[a-z0-9_-])?")
LONGEST_NAME, LONGEST_TITLE, LONGEST_REASON = 60, 80, 300  # characters
PORTS = {f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)}
DEVICES = {"con", "prn", "aux", "nul"} | PORTS  # no file of Windows can have these names
RULE = (
    f"a name of at most {LONGEST_NAME} lower-case letters, digits, '-', '_' and '.' that begins "
    "with a letter or digit, does not end with '.', and is no device of Windows"
)


def is_name(text: str) -> bool:
    """Tell whether a text keeps the rule for names, which also makes it a safe file name."""
    keeps = NAME.fullmatch(text) is not None and len(text) <= LONGEST_NAME
    return keeps and text.partition(".")[0] not in DEVICES


def refuse_name(text: str, field: str, of_file: bool = False) -> None:
    """Refuse a name that breaks the rule.

    Args:
        text: the name.
        field: the origin of the name, for the message.
        of_file: the name is the stem of an existing file, which may have capital letters.

    Raises:
        ExperimentError: the name breaks the rule; the message says the rule.
    """
    if not is_name(text.lower() if of_file and text.isascii() else text):
        raise ExperimentError(f"{field}: '{one_line(text, LONGEST_NAME)}' is no name; give {RULE}")


def as_file_stem(text: str) -> str:
    """The stem most like a text that keeps the rule for names of files; ``imported`` if none does.

    >>> as_file_stem("epoch=10 step=500")
    'epoch-10-step-500'
    """
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-_.")[:LONGEST_NAME].rstrip(".")
    return stem if is_name(stem.lower()) else "imported"


def one_line(text: str, longest: int = LONGEST_REASON) -> str:
    """Make one printable line: spaces collapsed, other characters escaped, the rest cut off."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def printable(text: str) -> str:
    r"""Escape control and format characters as ``\x1b``; line breaks and tabs stay."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in "\n\t" else _escape(one) for one in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def title_fault(title: str) -> str | None:
    """The reason why a text cannot be a title in tables; None: it can."""
    if not any(character.isalnum() for character in title):
        return f"'{one_line(title)}' has no letter and no digit"
    if len(title) > LONGEST_TITLE:
        return f"'{one_line(title, 40)}' has {len(title)} characters, more than {LONGEST_TITLE}"
    if one_line(title) != title:
        return (
            f"'{one_line(title, LONGEST_TITLE)}' is written with line breaks, control characters "
            "or repeated spaces"
        )
    return None


def same_title(first: str, second: str) -> bool:
    """Tell whether readers would take two titles for one: by letters, not by case or form."""
    one, other = (unicodedata.normalize("NFKC", title).casefold() for title in (first, second))
    return one == other


def refuse_unprintable(values: object) -> None:
    """Refuse plain values with a text that is not one printable line.

    Raises:
        ExperimentError: names the field, and shows the text.
    """
    for field, text in _texts(values, ""):
        if not text.isprintable():
            raise ExperimentError(
                f"{field}: '{one_line(text)}' has characters that cannot be printed; give another "
                "name"
            )


def _texts(value: object, name: str) -> Iterator[tuple[str, str]]:
    """All texts among plain values, keys too, each with the field that holds it."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield name, str(key)
            yield from _texts(part, f"{name}.{one_line(str(key), 60)}".removeprefix("."))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part, name)
