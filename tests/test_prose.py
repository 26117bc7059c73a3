"""The mechanical part of the rule for prose: docstrings say at once what they are about."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("bddm_ref", "metrics", "benchmarks")
MOST_WORDS = 20
FEWEST_WORDS = 2
# A sentence or noun phrase does not begin with these: a reader cannot see what they refer to.
BANNED = {"of", "what", "whose", "that", "those", "these", "they", "it", "as", "by", "from"}
BANNED |= {"until", "where", "when", "how", "which", "who", "also", "whether"}
BANNED_ENTRY = BANNED - {"from", "by", "whether"}
BARE = re.compile(r"the (same|others?|rest)\b\W*$|whether (it|they)\b", re.IGNORECASE)
# Entries of the sections Args, Attributes, Raises: ``name: text``.
SECTION = re.compile(r"^(Args|Attributes|Raises):\n((?:[ ]{4}.*\n?|\n)+)", re.MULTILINE)
ENTRY = re.compile(r"^ {4}[\w*, ]+: +(\S+)", re.MULTILINE)


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of each docstring of a module, its classes and functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text is not None:
                yield getattr(node, "lineno", 1), text


def faults(text: str) -> Iterator[str]:
    """Breaches of the rule in one docstring."""
    first = text.splitlines()[0]
    words = first.split()
    if len(words) > MOST_WORDS:
        yield f"has {len(words)} words"
    if len(words) < FEWEST_WORDS:
        yield "names nothing"
    if plain(words[0]) in BANNED:
        yield f"begins with {words[0]!r}"
    if BARE.match(first):
        yield "points at something that it does not name"
    if not first.endswith("."):
        yield "does not end with a period"
    for section in SECTION.finditer(text):
        for entry in ENTRY.finditer(section[2]):
            if plain(entry[1]) in BANNED_ENTRY:
                yield f"has the entry {entry[0].strip()!r}"


def plain(word: str) -> str:
    return word.strip(".,:;'`").lower()


def test_docstrings_say_what_they_are_about() -> None:
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            for line, text in docstrings(ast.parse(path.read_text())):
                found += [
                    f"{name}:{line} {fault}: {text.splitlines()[0]}" for fault in faults(text)
                ]
    assert not found, "\n".join(found)


def test_the_rule_finds_every_kind_of_fault() -> None:
    bad = {
        "What is asked.": "begins",
        "The same.": "points",
        "Whether it does.": "points",
        "D.": "names nothing",
        "Loads a network": "period",
        "A " + "very " * 20 + "long line.": "has 23 words",
        "A net.\n\nArgs:\n    net: what is run.\n    size: pixels.\n": "entry 'net: what'",
        "A net.\n\nRaises:\n    ValueError: it is none.\n": "entry 'ValueError: it'",
    }
    for text, fault in bad.items():
        assert any(fault in one for one in faults(text)), text
    assert not list(faults("A network of ours.\n\nArgs:\n    size: width in pixels.\n"))
