"""The project's own code: commit, state of the tree. No torch."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
PACKED = "origin.json"  # in a bundle's code, in the place of git
PRODUCED = ("results", "runs")  # folders that a run itself writes


@cache
def packed() -> dict[str, Any]:
    """What a bundle says of the checkout that it was made from; empty in a checkout."""
    file = REPOSITORY / PACKED
    content: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
    return content


def commit() -> str | None:
    """Commit of the code, or None where it is not known."""
    found: str | None = packed().get("commit")
    return found or git("rev-parse", "HEAD")


def tree_state() -> str | None:
    """``clean``, or ``changed`` against the commit; None where it is not known."""
    if packed():  # it may lie inside the checkout of something else
        state: str | None = packed().get("tree")
        return state
    changes = git("status", "--porcelain", "--", ".", *(f":!{name}" for name in PRODUCED))
    return None if changes is None else ("changed" if changes else "clean")


def git(*arguments: str) -> str | None:
    """What git answers, or None where this is no checkout or git is missing."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
