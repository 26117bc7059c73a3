"""The one rule that finds and names the files of a user's folder, for recordings and pictures.

* Endings count in any case. Hidden files and folders, and those in SKIPPED, are left out.
* Symbolic links are followed. A link to a file or folder that is taken already is left out, so that
  loops end; a broken link is left out, too. :meth:`Found.told` names everything that is left out.
* A name is the path below the folder, in Unicode's form NFC and with ``/``. It has no ending where
  the kind of file says so, and where no other file has the same name without it.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.core.errors import UserError
from benchmarks.core.names import one_line

SKIPPED = ("__MACOSX", "@eaDir")  # folders of copies that archives and file servers add
NAMED = 3  # most files that a message names
HIDDEN, BROKEN, REPEATED = "hidden", "broken links", "links to what is taken already"
ODD = "no regular files"
# The tag of a microphone: VCTK records each utterance with two of them.
MICROPHONE = re.compile(r"(?:^|[._ -]+)mic(?:rophone)?(?:[._ -]*\d+|[._ -]+[a-d])(?=$|[._ -])")

Identity = tuple[int, int]  # device and inode


@dataclass(frozen=True)
class Kind:
    """A kind of files that a folder may hold.

    Attributes:
        items: the plural noun for the files, such as ``recordings``.
        endings: endings of the files, in lower case.
        named_without_ending: whether names lack the ending. Files whose names differ in the ending
            alone then hold one utterance.
    """

    items: str
    endings: tuple[str, ...]
    named_without_ending: bool

    def takes(self, file: str) -> bool:
        """Tell whether a file of this name is of the kind."""
        return Path(file).suffix.lower() in self.endings


RECORDINGS = Kind("recordings", (".wav", ".flac"), named_without_ending=True)
PICTURES = Kind("pictures", (".png", ".jpg", ".jpeg", ".bmp", ".webp"), named_without_ending=False)


@dataclass(frozen=True)
class Found:
    """The files of one kind in a folder.

    Attributes:
        kind: the kind.
        paths: name to file, in the order of the files' paths.
        utterances: name to the utterance that the name states: names that differ in case, in the
            form of Unicode or in the number of the microphone state the same one.
        left_out: reason to the paths of files and folders that were not taken.
    """

    kind: Kind
    paths: dict[str, Path]
    utterances: dict[str, str]
    left_out: dict[str, list[str]]

    def told(self) -> str:
        """One sentence that counts what was taken, and what was not and why."""
        total = sum(len(files) for files in self.left_out.values())
        taken = f"{len(self.paths)} {self.kind.items} taken"
        if not total:
            return taken
        reasons = (f"{len(files)} {why}{_shown(files)}" for why, files in self.left_out.items())
        return f"{taken}, {total} left out: {', '.join(reasons)}"


def found_in(folder: Path, kind: Kind, roots: Sequence[Path] = ()) -> Found:
    """Find all files of a kind in a folder.

    Args:
        folder: the folder, from which names start.
        kind: the kind of files.
        roots: the folders inside that hold the files; none: the whole folder holds them.

    Raises:
        UserError: a folder cannot be listed, or a name is no UTF-8 or cannot be printed.
    """
    walk = _Walk(kind)
    for root in roots or (folder,):
        walk.enter(root)
    below = dict(walk.taken)
    if roots:
        walk.enter(folder)
        outside = [str(p.relative_to(folder)) for p in walk.taken if p not in below]
        if outside:
            walk.left_out[f"outside {', '.join(r.name for r in roots)}"] += sorted(outside)
    relative = {path.relative_to(folder).as_posix(): path for path in below}
    names = _names(sorted(relative), kind)
    _refuse_unprintable(names)
    utterances = {
        name: _utterance(relative[file].relative_to(below[relative[file]]), kind)
        for file, name in names.items()
    }
    left_out = {
        why: [file.removeprefix(f"{folder}{os.sep}") for file in files]
        for why, files in walk.left_out.items()
    }
    return Found(kind, {names[f]: relative[f] for f in sorted(relative)}, utterances, left_out)


def _refuse_unprintable(names: Iterable[str]) -> None:
    """Refuse names that could not stand in results."""
    for name in names:
        if not name.isprintable():
            raise UserError(
                f"--data: the file '{one_line(name)}' has characters that cannot be printed in its "
                "name; rename the file"
            )


class _Walk:
    """A walk through folders, which enters each real folder once: files first, then links."""

    def __init__(self, kind: Kind) -> None:
        self.taken: dict[Path, Path] = {}  # file to the root that it was found below
        self.left_out: dict[str, list[str]] = defaultdict(list)
        self._kind = kind
        self._roots: set[Path] = set()
        self._seen: set[Identity] = set()  # of folders that were entered, and of files
        self._links: list[Path] = []

    def enter(self, root: Path) -> None:
        """Take the files below a folder, unless they are taken."""
        self._roots.add(root)
        self._list(root, root)
        while self._links:
            links = [link for link in self._links if link not in self._roots]
            self._links = []
            for link in links:
                self._follow(link, root)

    def _list(self, folder: Path, root: Path) -> None:
        """Enter a folder and the real folders below it."""
        waiting = [folder]
        while waiting:
            here = waiting.pop()
            if not self._is_new(here.stat()):
                continue
            try:
                entries = sorted(os.scandir(here), key=lambda entry: entry.name)
            except OSError as error:
                raise UserError(
                    f"{here} cannot be listed ({error.strerror}); make it readable or remove it"
                ) from error
            for entry in entries:
                path = here / entry.name
                _require_text(path)
                if entry.name.startswith(".") or entry.name in SKIPPED:
                    self._leave(HIDDEN, path)
                elif entry.is_symlink():
                    self._links.append(path)
                elif entry.is_dir():
                    waiting.append(path)
                else:
                    self._take(path, entry.stat(), root)

    def _follow(self, link: Path, root: Path) -> None:
        try:
            known = link.stat()
        except OSError:
            self._leave(BROKEN, link)
            return
        if (known.st_dev, known.st_ino) in self._seen:
            self._leave(REPEATED, link)
        elif stat.S_ISDIR(known.st_mode):
            self._list(link, root)
        else:
            self._take(link, known, root)

    def _take(self, path: Path, known: os.stat_result, root: Path) -> None:
        if path in self.taken:
            return
        if not self._kind.takes(path.name):
            self._leave(f"of another ending than {', '.join(self._kind.endings)}", path)
        elif not stat.S_ISREG(known.st_mode):
            self._leave(ODD, path)
        else:
            self._is_new(known)
            self.taken[path] = root

    def _leave(self, why: str, path: Path) -> None:
        if str(path) not in self.left_out[why]:
            self.left_out[why].append(str(path))

    def _is_new(self, known: os.stat_result) -> bool:
        identity = (known.st_dev, known.st_ino)
        is_new = identity not in self._seen
        self._seen.add(identity)
        return is_new


def _names(files: Sequence[str], kind: Kind) -> dict[str, str]:
    """Give each file a name of its own, which is longer only where a shorter one is another's."""
    ladders = {}
    for file in files:
        full = unicodedata.normalize("NFC", file)
        short = full.removesuffix(Path(full).suffix) if kind.named_without_ending else full
        ladders[file] = [short, full, file]
    steps = dict.fromkeys(files, 0)
    while True:
        names = {file: ladders[file][step] for file, step in steps.items()}
        counts = Counter(names.values())
        shared = [file for file in files if counts[names[file]] > 1 and steps[file] < 2]
        if not shared:
            return names
        for file in shared:
            steps[file] += 1


def _utterance(path: Path, kind: Kind) -> str:
    """The utterance that a path below its root states."""
    whole = path.with_suffix("") if kind.named_without_ending else path
    plain = unicodedata.normalize("NFC", whole.as_posix()).casefold()
    parts = (MICROPHONE.sub("", part) for part in plain.split("/"))
    return "/".join(part for part in parts if part)


def _require_text(path: Path) -> None:
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise UserError(f"the name of {str(path)!a} is not UTF-8; rename the file") from error


def _shown(files: Sequence[str]) -> str:
    """The first files in brackets."""
    rest = ", …" if len(files) > NAMED else ""
    return f" ({', '.join(files[:NAMED])}{rest})"
