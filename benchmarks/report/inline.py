"""Texts of users and of their files as inline Markdown, without any markup of their own."""

from __future__ import annotations

import html
import re

from benchmarks.core.names import one_line, printable

LONGEST = 1_000  # characters of a text on a page
MARKUP = re.compile(r"[\\`*|$~]|\](?=[(\[:])")  # brackets alone make no link
OUTER_LINE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")  # an underline that may begin emphasis
ENTITY = re.compile(r"&(?=#?\w+;)")
TAG = re.compile(r"<(?=[A-Za-z/!?])")
TOKEN = re.compile(
    r"""\\(?P<escaped>[^\w\s]|_)
    | `(?P<code>[^`]*)`
    | \*\*(?=\S)(?P<strong>.+?)(?<=\S)\*\*
    | (?<![\w*])\*(?=\S)(?P<emphasis>.+?)(?<=\S)\*(?!\*)
    | !?\[(?P<link>(?:\\.|[^\[\]\\]|\[[^\[\]]*\])*)\]\([^()\s]*\)""",
    re.VERBOSE,
)
BARE_PIPE = re.compile(r"(?<!\\)((?:\\\\)*)\|")


def plain(text: str) -> str:
    """Escape a text that is not the project's own: one line, which shows as it was written."""
    escaped = MARKUP.sub(r"\\\g<0>", ENTITY.sub("&amp;", one_line(text, LONGEST)))
    return TAG.sub("&lt;", OUTER_LINE.sub(r"\\_", escaped))


def code(text: str) -> str:
    """Write a text as code; a text that could end the code, or looks like markup, is escaped."""
    has_markup = any(sign in text for sign in ("`", "|", "<", "]("))
    return plain(text) if has_markup else f"`{one_line(text, LONGEST)}`"


def harmless(text: str) -> str:
    """Disarm finished Markdown, whose markup stays: control characters and HTML."""
    return TAG.sub("&lt;", printable(text))


def shown(text: str) -> str:
    """The text that a reader of finished Markdown sees: without markup, links by their text."""
    parts, end = [], 0
    for found in TOKEN.finditer(text):
        parts.append(html.unescape(text[end : found.start()]))
        as_it_is = found["escaped"] or found["code"]
        inner = found["strong"] or found["emphasis"] or found["link"] or ""
        parts.append(as_it_is or shown(inner))
        end = found.end()
    return "".join(parts) + html.unescape(text[end:])


def in_cell(text: str) -> str:
    """Keep finished Markdown within a cell of a table: one line without a bare pipe."""
    return BARE_PIPE.sub(r"\1\\|", text.replace("\n", " "))
