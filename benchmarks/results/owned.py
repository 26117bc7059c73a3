"""Files that belong to the documents of a results folder; all others are orphans."""

from __future__ import annotations

from collections.abc import Iterator, Set
from functools import cache
from pathlib import Path

from bddm_ref.files import TEMPORARY, DamagedFileError, sha256_of
from benchmarks.core.experiment import Experiment
from benchmarks.core.loading import load, names
from benchmarks.results.example_names import TEST_IMAGES, ExampleName
from benchmarks.results.items import items_file
from benchmarks.results.schema import RunResults
from benchmarks.runtime.checkout import LOCAL

PAGE = "index.html"  # of the whole results folder
NOBODYS = ("HISTORY.md", "README.md")  # pages that need no document
ENDINGS = (
    ".json",
    ".gz",
    ".md",
    ".svg",
    ".png",
    ".wav",
    ".flac",
    ".safetensors",
    ".ns",
    ".sha256",
    ".html",
)
"""Endings of files that runs and commands publish; any other file is a user's own."""


def files_below(folder: Path) -> Iterator[Path]:
    """Yield every file below a results folder, without the tables in ``local/``."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.relative_to(folder).parts[0] != LOCAL:
            yield path


def run_files_of(results: RunResults, stem: str) -> set[str]:
    """Names of the files that belong to the document of a run, relative to its folder.

    A document of an earlier version does not list its examples. Their names then follow from the
    experiment.

    Args:
        results: the document.
        stem: the name of its file, without an ending.
    """
    own = {f"{stem}.md", items_file(Path(f"{stem}.json")).name}
    return own | (set(results.files) if results.files is not None else _implied(results))


def _implied(results: RunResults) -> set[str]:
    settings, found = results.settings, set(earlier_examples(results))
    if settings.publish_weights:
        found |= {f"weights/{results.track}-score{end}" for end in (".safetensors", ".json")}
    return found


def earlier_examples(results: RunResults) -> dict[str, ExampleName]:
    """Names of the examples that an earlier version may have left, relative to the folder.

    That version wrote clips of the first convention into ``wav/``, and grids without folders.
    """
    settings, found = results.settings, dict[str, ExampleName]()
    if results.track == "speech":
        first = [row.id for row in results.rows if row.convention == settings.conventions[0].name]
        for clip in results.data.test_items[: settings.wav_items]:
            found[f"wav/{clip}-recording.wav"] = ExampleName("recording", clip=clip)
            clips = {f"wav/{clip}-{row.name}.wav": ExampleName("clip", row, clip) for row in first}
            found |= clips
    if results.track == "images" and settings.grid_items:
        found[TEST_IMAGES] = ExampleName("test images")
        for row in results.rows:
            found[f"grids/{row.key.replace('/', '-')}.png"] = ExampleName("grid", row.id)
    return found


def verify_files(path: Path, results: RunResults) -> None:
    """Verify the examples and weights that the document of a run lists.

    Raises:
        DamagedFileError: one is missing, or is not the one that was published with the document.
    """
    for name in results.files or {}:
        verify_file(path, results, name)


def verify_file(path: Path, results: RunResults, name: str) -> None:
    """Verify one of the files that the document of a run lists.

    Args:
        path: the path of the document.
        results: the document.
        name: the file, relative to the document's folder.

    Raises:
        DamagedFileError: the file is missing, or is not the one that was published with the
            document.
    """
    file = path.parent / name
    if not file.is_file() or sha256_of(file) != (results.files or {}).get(name):
        raise DamagedFileError(
            f"{file} is missing, or not the one that {path.name} was published with; make it "
            f"again with {results.made_by!r}"
        )


@cache
def shipped_weights() -> frozenset[str]:
    """Names of the weights that the shipped experiments name, and of their cards."""
    return frozenset().union(*(weights_named(load(name)) for name in names()))


def weights_named(settings: Experiment) -> set[str]:
    """Names of the weights that an experiment names, and of their cards."""
    named = {
        settings.score_net.weights,
        settings.score_net.start,
        settings.image.extractor_weights,
        *settings.schedule_net.weights.values(),
    }
    files = {Path(name) for name in named if name is not None}
    return {file.with_suffix(end).name for file in files for end in (file.suffix, ".json")}


def refuse_orphans(folder: Path, owned: set[Path], weights: Set[str]) -> None:
    """Refuse files that belong to no document of a results folder.

    Args:
        folder: the results folder.
        owned: documents, and files that belong to them.
        weights: names of files in folders ``weights/`` that an experiment names.

    Raises:
        DamagedFileError: there are such files; names all.
    """
    orphans = []
    for path in files_below(folder):
        file = path.with_suffix("") if path.suffix == ".sha256" else path
        used = file.parent.name == "weights" and file.name in weights
        ours = path.suffix in ENDINGS or TEMPORARY.fullmatch(path.name) is not None
        if ours and not used and file not in owned and file.name not in NOBODYS:
            orphans.append(str(path.relative_to(folder)))
    if orphans:
        raise DamagedFileError(
            f"{folder} has files that belong to none of its documents: {', '.join(orphans)}; "
            "publish their run again, or remove them"
        )
