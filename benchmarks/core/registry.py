"""Lookup of a name among known names; messages about unknown names have the nearest name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from benchmarks.core.errors import ExperimentError

T = TypeVar("T")


def choose(known: Mapping[str, T], name: str, field: str) -> T:
    """Look a name up in a registry.

    Args:
        known: the registry, name to entry.
        name: the wanted name.
        field: the experiment's field that holds the name, for the message.

    Raises:
        ExperimentError: the name is unknown; the message has all known names and the nearest.
    """
    if name not in known:
        raise ExperimentError(
            f"{field}: {name!r} is none of {', '.join(known)}{nearest(name, known)}"
        )
    return known[name]


def nearest(wrong: str, known: Iterable[str]) -> str:
    """A question with the known name most like the wrong one; empty if no name is close."""
    close = difflib.get_close_matches(wrong, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
