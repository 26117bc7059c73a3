"""Check commit messages: ``commit_message.py FILE`` or ``commit_message.py --range BASE..HEAD``."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

LONGEST = 72  # characters of a subject
SCISSORS = "# ------------------------ >8 ------------------------"


def faults(message: str) -> list[str]:
    """List what is wrong with a message, in words; the list of a good message is empty."""
    lines = message.rstrip().splitlines()
    subject = lines[0] if lines else ""
    found = []
    if not subject.strip():
        found.append("the subject is empty")
    if len(subject) > LONGEST:
        found.append(f"the subject has {len(subject)} characters; at most {LONGEST} are allowed")
    if subject.rstrip().endswith("."):
        found.append("the subject ends in a period")
    if len(lines) > 1 and lines[1].strip():
        found.append("the second line is not blank")
    return found


def without_comments(text: str) -> str:
    """Drop what git drops of a message file: comments, and all that follows the scissors line."""
    kept = text.partition(SCISSORS)[0].splitlines()
    return "\n".join(line for line in kept if not line.startswith("#")).strip("\n")


def messages(commits: str) -> dict[str, str]:
    """Read the messages of a range of commits.

    Args:
        commits: a range as git takes it, such as ``origin/main..HEAD``.

    Returns:
        Abbreviated hash to message. Merges are left out: git words their subjects.

    Raises:
        subprocess.CalledProcessError: git does not know the range.
    """
    command = ["git", "log", "--no-merges", "--format=%h%n%B%x00", commits, "--"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    records = [record.lstrip("\n") for record in done.stdout.split("\0")]
    parts = [record.partition("\n") for record in records if record]
    return {name: message for name, _, message in parts}


def main(arguments: list[str] | None = None) -> int:
    """Print the faults of the messages that are asked for; return 1 if there are any."""
    parser = argparse.ArgumentParser(description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("file", nargs="?", type=Path, help="message that git is about to commit")
    source.add_argument("--range", metavar="BASE..HEAD", help="commits whose messages to check")
    options = parser.parse_args(arguments)
    if options.range is not None:
        checked = messages(options.range)
    else:
        checked = {"commit message": without_comments(options.file.read_text(encoding="utf-8"))}
    found = [f"{name}: {fault}" for name, text in checked.items() for fault in faults(text)]
    sys.stderr.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
