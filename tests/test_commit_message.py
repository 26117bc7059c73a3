"""The check of commit messages, on files as git's hook passes them and on ranges of commits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / ".ci" / "commit_message.py"


def check(*arguments: str, folder: Path) -> tuple[int, list[str]]:
    """Exit status and faults."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr.splitlines()


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Someone", "-c", "user.email=someone@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize(
    "message",
    [
        "Add a schedule\n",
        "S" * 72,
        "Add a schedule\n\nIts source is Eq. 14.\nIt has two betas.\n",
        "Add a schedule\n# Please enter the commit message.\n",
        "Add v0.1\n\nText\n# ------------------------ >8 ------------------------\ndiff --git",
        "# A comment of git stands first\nAdd a schedule\n",
    ],
)
def test_good_messages_pass(message: str, tmp_path: Path) -> None:
    (tmp_path / "MESSAGE").write_text(message)
    assert check("MESSAGE", folder=tmp_path) == (0, [])


@pytest.mark.parametrize(
    ("message", "faults"),
    [
        ("", ["the subject is empty"]),
        ("# only a comment\n", ["the subject is empty"]),
        ("S" * 73, ["the subject has 73 characters; at most 72 are allowed"]),
        ("Add a schedule.\n", ["the subject ends in a period"]),
        ("Add a schedule\nof two betas\n", ["the second line is not blank"]),
        (
            "A" * 73 + ".\nmore",
            [
                "the subject has 74 characters; at most 72 are allowed",
                "the subject ends in a period",
                "the second line is not blank",
            ],
        ),
    ],
)
def test_each_fault_is_told(message: str, faults: list[str], tmp_path: Path) -> None:
    (tmp_path / "MESSAGE").write_text(message)
    status, lines = check("MESSAGE", folder=tmp_path)
    assert status == 1
    assert lines == [f"commit message: {fault}" for fault in faults]


def test_a_range_is_checked_commit_by_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "--initial-branch=main")
    for message in ("Before the range.", "Add one\n\nIts body.", "Add two."):
        git(tmp_path, "commit", "--allow-empty", "--message", message)
    status, lines = check("--range", "HEAD~2..HEAD", folder=tmp_path)
    assert status == 1
    assert [line.partition(": ")[2] for line in lines] == ["the subject ends in a period"]
    assert check("--range", "HEAD~2..HEAD~1", folder=tmp_path) == (0, [])


def test_an_unknown_range_is_an_error(tmp_path: Path) -> None:
    git(tmp_path, "init", "--initial-branch=main")
    status, lines = check("--range", "nothing..HEAD", folder=tmp_path)
    assert status != 0
    assert any("nothing..HEAD" in line for line in lines)
