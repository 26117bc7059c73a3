"""Commit and state of the project's own code. Imports no torch."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
PACKED = "origin.json"  # replaces git in a bundle's code
PRODUCED = ("results", "runs")  # folders that runs write
LOCAL = "local"  # below a results folder: tables of runs that are not published


@cache
def packed() -> dict[str, Any]:
    """Origin of a bundle's code: commit and state of the tree; empty in a checkout."""
    file = REPOSITORY / PACKED
    content: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
    return content


def commit() -> str | None:
    """Commit of the code; None: unknown."""
    found: str | None = packed().get("commit")
    return found or git("rev-parse", "HEAD")


def tree_state() -> str | None:
    """State of the tree against the commit: ``clean`` or ``changed``; None: unknown."""
    if packed():  # a bundle may lie inside another project's checkout
        state: str | None = packed().get("tree")
        return state
    changes = git("status", "--porcelain", "--", ".", *(f":!{name}" for name in PRODUCED))
    return None if changes is None else ("changed" if changes else "clean")


def git(*arguments: str) -> str | None:
    """Output of a git command; None: no checkout, or git is missing."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
