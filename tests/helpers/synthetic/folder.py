"""A whole results folder, with every kind of document, between two READMEs."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from bddm_ref.files import checksums_of, write_listed
from benchmarks.claims.ledger import write_ledger
from benchmarks.report.readme import write_overview
from benchmarks.report.registry import (
    AUTHORS_AUDIO,
    SPEED,
    publish,
    write_networks,
    write_ranking,
    write_speed_pages,
)
from benchmarks.results.schema import RunResults
from synthetic.audio import authors_audio
from synthetic.runs import FD, PESQ, Table, analytic, images, speech, write_run
from synthetic.studies import network_theory, speed, theory

README = """# A project
<!-- answers: results -->
<!-- end -->
"""
README_OF_RESULTS = """# Results
<!-- tables of speech: . -->
<!-- end -->
<!-- tables of images: . -->
<!-- end -->
<!-- ledger: . -->
<!-- end -->
"""
OTHER_NETWORK = {"score_net": {"network": "unet", "size": {"channels": 64}}}
OTHER_FD: Table = {
    "bddm": {3: 33.0, 7: 15.0, 16: 9.0},
    "ddpm": FD["ddpm"],
    "ddim": FD["ddim"],
}


def on_another_network() -> RunResults:
    """A run of images on another score network, by other weights."""
    return images(OTHER_FD, experiment=OTHER_NETWORK, weights={"score_net": "1" * 64})


def write_results(root: Path) -> Path:
    """Publish documents of every kind below a folder, and READMEs there and above it.

    Returns:
        The results folder.
    """
    folder = root / "results"
    for results in (speech(), images(experiment={"headline": ["fd", "fd_common"]}), analytic()):
        write_run(folder, results)
    for results in (speech({"raw": PESQ["raw"]}), images(), analytic()):
        write_run(folder / "contestants", results)
    write_run(folder / "networks" / "images-other", on_another_network())
    write_networks(folder)
    write_ranking(folder)
    publish(folder / "theory" / "theory.json", theory())
    publish(folder / "theory" / "images.json", network_theory())
    publish(folder / AUTHORS_AUDIO, authors_audio())
    speed().write(folder / SPEED)
    write_speed_pages(folder)
    write_ledger(folder)
    (root / "README.md").write_text(README)
    (folder / "README.md").write_text(README_OF_RESULTS)
    write_overview(folder)
    return folder


def copied(folder: Path, target: Path, *patterns: str) -> Path:
    """Copy the files of a results folder that match one of the patterns, with their checksums.

    Returns:
        The folder that they were copied to.
    """
    for pattern in patterns:
        found = [path for path in folder.glob(pattern) if path.is_file()]
        assert found, pattern
        for path in found:
            copy = target / path.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            if checksums_of(path):
                write_listed(copy, partial(shutil.copyfile, path))
            else:
                shutil.copyfile(path, copy)
    return target
