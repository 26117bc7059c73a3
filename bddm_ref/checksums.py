"""Checksum files of all common styles: ``sha256sum``, BSD, openssl, ``name: sum``, a bare sum."""

from __future__ import annotations

import re
from pathlib import Path

HEX = re.compile(r"(?<![0-9a-zA-Z])[0-9a-fA-F]{32,}(?![0-9a-zA-Z])")
LENGTHS = {32: "MD5", 40: "SHA-1", 56: "SHA-224", 96: "SHA-384", 128: "SHA-512"}
DIGITS = 64  # of a SHA-256
LABEL = re.compile(r"^(?:SHA2?-?256)\s*(?=[(:=\s]|$)", re.IGNORECASE)
PUNCTUATION = " \t()=:*\\,;\"'"  # around a name and its sum
LINE = re.compile(r"\\?([0-9a-fA-F]{64}) [ *](.+)")  # of sha256sum
TAGGED = re.compile(r"SHA256 \((.+)\) = ([0-9a-fA-F]{64})")  # of sha256sum --tag, and of BSD
COMMENTS = ("#", ";", "//")
SHOWN = 40  # characters of a line in a message


def listed_line(line: str) -> tuple[str, str] | None:
    """Sum and name of a line that sha256sum prints; None: the line has another form."""
    if match := LINE.fullmatch(line):
        return match[1].lower(), match[2]
    if match := TAGGED.fullmatch(line):
        return match[2].lower(), match[1]
    return None


def sums_in(text: str) -> list[tuple[str, str]]:
    """Read the SHA-256 sums and names of a checksum file.

    Each line holds one sum, in capitals or not, and at most one name. Empty lines and comments are
    skipped.

    Returns:
        (sum in small letters, name or "") of each line.

    Raises:
        ValueError: a line holds no SHA-256; the message says what the line holds instead.
    """
    found = []
    for line in map(str.strip, text.removeprefix("\ufeff").splitlines()):
        if not line or line.startswith(COMMENTS):
            continue
        if listed := listed_line(line):
            found.append(listed)
            continue
        sums = HEX.findall(line)
        if len(sums) != 1 or len(sums[0]) != DIGITS:
            raise ValueError(_refused(line, sums))
        before, after = line.split(sums[0])
        before = LABEL.sub("", before.lstrip("\\")).strip(PUNCTUATION)
        found.append((sums[0].lower(), before or after.strip(PUNCTUATION)))
    if not found:
        raise ValueError("it holds no line with a SHA-256")
    return found


def sums_for(text: str, name: str) -> list[str]:
    """Choose the sums of one file from its own checksum file.

    Lines that name the file count alone. A single line counts whatever file it names, since a file
    may have been renamed.

    Raises:
        ValueError: a line holds no SHA-256, or several lines name other files alone.
    """
    found = sums_in(text)
    named = [digest for digest, told in found if Path(told.replace("\\", "/")).name == name]
    if named:
        return named
    if len({digest for digest, _ in found}) > 1 and all(told for _, told in found):
        others = ", ".join(repr(told) for _, told in found[:3])
        raise ValueError(f"it names {others}, and not {name!r}")
    return [digest for digest, _ in found]


def _refused(line: str, sums: list[str]) -> str:
    shown = repr(line[:SHOWN]) + (".." if len(line) > SHOWN else "")
    if len(sums) > 1:
        return f"a line holds {len(sums)} sums: {shown}"
    if sums:
        kind = LENGTHS.get(len(sums[0]), f"a sum of {len(sums[0])} digits")
        return f"a line holds {kind}, and not a SHA-256 of {DIGITS} digits: {shown}"
    return f"a line holds no SHA-256: {shown}"
