"""Texts of users in plots."""

from __future__ import annotations


def unformatted(text: str) -> str:
    """Escape dollars, between which matplotlib would read a formula."""
    return text.replace("$", r"\$")
