"""Checksums that come with a file of another project, under the names that projects give them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath

from bddm_ref.checksums import sums_in
from bddm_ref.files import DamagedFileError, checksums_of, sha256_of, verify_checksum

LISTS = re.compile(r"(?:sha-?256-?(?:sums?)?|checksums?)(?:\.txt)?", re.IGNORECASE)
OWN = (".sha256.txt", ".sha256sum", ".sha256sums", ".SHA256")  # after the file's name


def verify_if_announced(path: Path) -> None:
    """Compare a file with its SHA-256, if a checksum file beside it names the file.

    Checksum files are ``<file>.sha256``, ``SHA256SUMS``, and files of similar names: ``sha256sums``
    in any case, with ``.txt``, and ``c.sha256`` for ``c.pt``.

    Raises:
        DamagedFileError: file and checksum disagree, or a checksum file of its own cannot be read.
    """
    if checksums_of(path):
        verify_checksum(path)
    for place, digests in _announced(path):
        if sha256_of(path) not in digests:
            raise DamagedFileError(
                f"{path} does not match its checksum in {place.name}; fetch both again, or remove "
                f"{place.name} if it is of another file"
            )


def _announced(path: Path) -> Iterator[tuple[Path, list[str]]]:
    """Checksum files of other names, with the sums that they give for a file."""
    own = {path.with_name(path.name + ending) for ending in OWN}
    stem = path.with_name(f"{path.stem}.sha256")
    for place in sorted(path.parent.iterdir()):
        is_own = place in (*own, stem)
        if place.name == "SHA256SUMS" or not (is_own or LISTS.fullmatch(place.name)):
            continue
        try:
            found = sums_in(place.read_text(errors="replace")) if place.is_file() else []
        except ValueError as error:
            if not is_own:
                continue  # a list of sums of another kind, such as MD5
            raise DamagedFileError(
                f"{path} has no usable checksum in {place.name}: {error}; write what 'sha256sum "
                f"{path.name}' prints into it, or remove it"
            ) from error
        nameless = ("", path.name) if is_own else (path.name,)
        digests = [digest for digest, name in found if PureWindowsPath(name).name in nameless]
        if digests:
            yield place, digests
