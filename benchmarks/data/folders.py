"""Splits of a user's folder, by names and by what its files hold."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from benchmarks.data.checked import Checked
from benchmarks.data.files import Found
from benchmarks.data.splits import by_hash, joined, splits_by_name, together
from benchmarks.runtime.progress import Progress


@dataclass(frozen=True)
class FolderSplits:
    """Splits of a folder.

    Attributes:
        splits: ``train``, ``valid`` and ``test`` to names, disjoint.
        whole: entries for the checksum of the whole folder, beside those of the files: the groups
            that are kept together. Without groups there is no entry.
    """

    splits: dict[str, list[str]]
    whole: dict[str, str]


def split_folder(
    found: Found, known: Checked, largest_held_out: int, progress: Progress
) -> FolderSplits:
    """Split the files of a folder; files of one item are in one split.

    Files hold one item if their names state one utterance, or if they are equal in their bytes or
    what they decode to.

    Args:
        found: the files.
        known: their checksums and contents.
        largest_held_out: most items in the test split, and in the validation split.
        progress: is told what is kept together.

    Raises:
        UserError: there are fewer than three items.
    """
    groups = [*together(found.utterances), *known.copies]
    splits = splits_by_name(found.paths, largest_held_out, groups)
    if not groups:
        return FolderSplits(splits, {})
    leaders = joined(by_hash(found.paths), groups)
    items = len(set(leaders.values()))
    equal = len(leaders) - len(set(joined(found.paths, known.copies).values()))
    copies = f"; {equal} are copies of others" if equal else ""
    progress.say(
        f"data: the {len(leaders)} {found.kind.items} hold {items} different items{copies}; all "
        f"{found.kind.items} of an item are in one split"
    )
    lines = "".join(f"{leader}  {name}\n" for name, leader in sorted(leaders.items()))
    return FolderSplits(splits, {"groups": hashlib.sha256(lines.encode()).hexdigest()})
