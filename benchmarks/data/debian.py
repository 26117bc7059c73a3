"""Data sets that Debian packages: fetched without root into the user's cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bddm_ref.files import DamagedFileError, sha256_of
from benchmarks.core.errors import UserError
from benchmarks.runtime.progress import Progress

NETWORK_WORDS = (  # in apt's English
    "failed to fetch",
    "could not resolve",
    "could not connect",
    "cannot initiate the connection",
    "unable to connect",
    "connection failed",
    "connection timed out",
    "connection refused",
    "network is unreachable",
    "no route to host",
    "temporary failure",
    "proxy",
)


class DataUnavailableError(UserError):
    """A data set that is not on this machine and cannot be fetched; the message says what to do."""


@dataclass(frozen=True)
class DebianDataset:
    """A data set inside a Debian package.

    Attributes:
        package: name of the package.
        version: version whose archive is pinned.
        sha256: SHA-256 of the pinned archive.
        folder: folder of the data, below the root of the file system.
        manifest: checksums of all files, in the format of sha256sum.
        alternative: advice for users without Debian's packages.
    """

    package: str
    version: str
    sha256: str
    folder: str
    manifest: Path
    alternative: str

    def files(self) -> dict[str, str]:
        """Name and SHA-256 of every file of the data set."""
        lines = self.manifest.read_text().splitlines()
        return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}


def cache_folder() -> Path:
    """The user's cache: ``$XDG_CACHE_HOME`` or ``~/.cache``, in ``bddm-benchmark``."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "bddm-benchmark"


def locate(dataset: DebianDataset, progress: Progress) -> Path:
    """Folder of the verified data: installed, in the cache, or fetched into the cache now.

    Raises:
        DataUnavailableError: the data set is not here and cannot be fetched.
        DamagedFileError: a file differs from the manifest.
    """
    installed = Path("/") / dataset.folder
    cached = cache_folder() / dataset.package / dataset.folder
    for folder in (installed, cached):
        if folder.is_dir():
            verify(folder, dataset, progress)
            return folder
    _fetch(dataset, cache_folder() / dataset.package, progress)
    verify(cached, dataset, progress)
    return cached


def verify(folder: Path, dataset: DebianDataset, progress: Progress) -> None:
    """Compare every file with the manifest.

    Raises:
        DamagedFileError: a file is missing or differs.
    """
    expected = dataset.files()
    with progress.task(f"verify {dataset.package}", len(expected)) as advance:
        for name, digest in expected.items():
            path = folder / name
            if not path.is_file() or sha256_of(path) != digest:
                raise DamagedFileError(
                    f"{path} is missing or altered; remove {folder} (or reinstall the package "
                    f"{dataset.package}) and run the command again"
                )
            advance(1)


def _fetch(dataset: DebianDataset, target: Path, progress: Progress) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise DataUnavailableError(
            f"{dataset.package} is a Debian package and this system has no apt-get: "
            f"{dataset.alternative}"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as scratch:
        archive = _download(dataset, Path(scratch), progress)
        pinned = archive.name.startswith(f"{dataset.package}_{dataset.version}_")
        if pinned and sha256_of(archive) != dataset.sha256:
            raise DamagedFileError(f"the archive {archive.name} is damaged; run the command again")
        extracted = Path(scratch) / "extracted"
        with progress.task(f"unpack {archive.name}", None):
            _run(["dpkg-deb", "-x", str(archive), str(extracted)], Path(scratch), dataset)
        shutil.rmtree(target, ignore_errors=True)
        extracted.rename(target)


def _download(dataset: DebianDataset, scratch: Path, progress: Progress) -> Path:
    """Download the package with lists and caches of our own, which needs no root."""
    (scratch / "lists" / "partial").mkdir(parents=True)
    (scratch / "archives" / "partial").mkdir(parents=True)
    scratch.chmod(0o755)  # apt, started as root, reads as another user
    options = [
        f"-oDir::State::Lists={scratch / 'lists'}",
        f"-oDir::Cache={scratch}",
        "-oDebug::NoLocking=1",
        "-oAPT::Sandbox::User=",
        "-oAcquire::Retries=1",
        "-oAcquire::http::Timeout=30",
    ]
    with progress.task("read Debian's package lists", None):
        said = _run(["apt-get", *options, "-q", "update"], scratch, dataset).stderr
    # apt-get only warns of a missing network, and apt-cache then finds no package.
    if _without_network(said) and not _lists_in(scratch):
        raise _unavailable(dataset, said)
    shown = _run(["apt-cache", *options, "show", dataset.package], scratch, dataset).stdout
    sizes = [int(line.split()[1]) for line in shown.splitlines() if line.startswith("Size:")]
    with (
        progress.task(f"download {dataset.package}", sizes[0] if sizes else None) as advance,
        _started(["apt-get", *options, "-q", "download", dataset.package], scratch) as process,
    ):
        seen = 0
        while process.poll() is None:
            time.sleep(0.1)
            size = sum(p.stat().st_size for p in scratch.glob("*.deb*") if p.exists())
            advance(size - seen)
            seen = size
    archives = sorted(scratch.glob("*.deb"))
    if process.returncode or not archives:
        raise _unavailable(dataset, process.stderr.read() if process.stderr else "")
    return archives[-1]


@contextmanager
def _started(command: list[str], folder: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command,
        cwd=folder,
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=os.environ | {"LC_ALL": "C"},
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def _run(
    command: list[str], folder: Path, dataset: DebianDataset
) -> subprocess.CompletedProcess[str]:
    speaks_english = os.environ | {"LC_ALL": "C"}
    done = subprocess.run(
        command, cwd=folder, text=True, capture_output=True, check=False, env=speaks_english
    )
    if done.returncode:
        raise _unavailable(dataset, done.stderr)
    return done


def _without_network(said: str) -> str | None:
    """The line of apt's output that tells of a missing network or server; None: there is none."""
    lines = said.strip().splitlines()
    return next((line for line in lines if any(w in line.lower() for w in NETWORK_WORDS)), None)


def _lists_in(scratch: Path) -> bool:
    """Tell whether apt has read at least one list of packages."""
    return any(path.is_file() and path.name != "lock" for path in (scratch / "lists").iterdir())


def _unavailable(dataset: DebianDataset, said: str) -> DataUnavailableError:
    cause = _without_network(said)
    if cause is None:
        reason = (said.strip().splitlines() or ["no reason given"])[-1]
        return DataUnavailableError(
            f"the Debian package {dataset.package} could not be fetched ({reason}): "
            f"{dataset.alternative}"
        )
    kept = cache_folder() / dataset.package / dataset.folder
    return DataUnavailableError(
        f"there is no network, or Debian's servers cannot be reached ({cause.strip()}), and the "
        f"Debian package {dataset.package} must be fetched once: connect the machine, set "
        f"http_proxy, or copy {kept} from a machine that has it; without it, {dataset.alternative}"
    )
