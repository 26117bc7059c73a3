"""``python -m benchmarks speed``: run the performance cases, write the document and its page."""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import torch

from bddm_ref.checkpoint import DamagedFileError, write_atomically, write_with_checksum
from benchmarks import provenance
from benchmarks.distributed import own_device
from benchmarks.report.check import SPEED, SPEED_ON_GPU
from benchmarks.speed.page import speed_page
from benchmarks.speed.schema import SpeedDocument
from benchmarks.speed.searches import search_pairs
from benchmarks.validation import read_document
from metrics.timing import machine_is_busy

STANDARD_ERROR = 2  # standard output has the page alone
CASES = Path(__file__).resolve().parents[2] / "tests" / "performance"
ON_GPU = ("test_network.py", "test_sampling.py", "test_training.py")  # others run on a processor


def main(arguments: list[str]) -> int:
    """Run the sub-command; options of experiments are told to be of no use here."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks speed", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--device", default="cpu", help="or cuda, cuda:1")
    parser.add_argument(
        "--results", type=Path, default=Path("results/cpu"), help="where the page goes"
    )
    parser.add_argument(
        "--page-only", action="store_true", help="make the page again, and measure nothing"
    )
    options, others = parser.parse_known_args(arguments)
    if others:
        sys.stderr.write(f"speed has no use for {' '.join(others)}\n")
    folder = options.results
    if not options.page_only:
        page = write_speed(measure(options.device), folder)
    else:
        page = write_pages(folder)
    sys.stdout.write(page.read_text())
    return 0


def measure(device: str) -> SpeedDocument:
    """Run all cases on a device; on a GPU those that run there.

    Raises:
        RuntimeError: a case failed, or this is no checkout.
    """
    if not CASES.is_dir():
        raise RuntimeError(f"{CASES} is not there: 'speed' needs a checkout of the project")
    made = provenance.collect(own_device(device), torch.get_num_threads())
    busy = machine_is_busy()
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "cases.json"
        places = [CASES] if device == "cpu" else [CASES / name for name in ON_GPU]
        command = [sys.executable, "-m", "pytest", "--benchmark-only", "-q", *map(str, places)]
        done = subprocess.run(
            [*command, f"--device={device}", f"--benchmark-json={file}"],
            cwd=CASES.parents[1],
            stdout=STANDARD_ERROR,
            check=False,
        )
        if done.returncode != 0 or not file.is_file():
            raise RuntimeError("a performance case failed; its output is above")
        cases = json.loads(file.read_text())["benchmarks"]
    return SpeedDocument.model_validate(
        {
            "schema_version": 1,
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "provenance": made,
            "machine_busy": busy or machine_is_busy(),
            "cases": [
                {"name": case["name"], "group": case["group"], **case["extra_info"]}
                for case in cases
            ],
        }
    )


def write_speed(document: SpeedDocument, folder: Path) -> Path:
    """Write a document, in the place of the one of the same kind of device, and all pages.

    Returns:
        Its page.

    Raises:
        DamagedFileError: results whose searches are to be compared are damaged.
    """
    text = document.model_dump_json(indent=1) + "\n"
    file = folder / (SPEED if document.on_cpu else SPEED_ON_GPU)
    write_with_checksum(file, lambda path: path.write_text(text))
    write_pages(folder)
    return file.with_suffix(".md")


def write_pages(folder: Path) -> Path:
    """Write ``speed.md``, which also compares the folder's searches, and ``speed-cuda.md``.

    Returns:
        The first of them that there is.

    Raises:
        DamagedFileError: there is no document, or one is damaged.
    """
    pages = _pages(folder)
    for page, text in pages.items():
        write_atomically(page, partial(Path.write_text, data=text))
    return next(iter(pages))


def check_speed(folder: Path) -> str:
    """Verify that the pages are what the documents and the folder's results say.

    Raises:
        DamagedFileError: they are not.
    """
    pages = _pages(folder)
    for page, text in pages.items():
        if not page.is_file() or page.read_text() != text:
            raise DamagedFileError(
                f"{page} is not the page of {page.stem}.json; make it again with "
                "'speed --page-only'"
            )
    found = _documents(folder).items()
    counts = ", ".join(f"{folder / name}: {len(document.cases)} cases" for name, document in found)
    return f"{counts}; checksum, schema and page agree"


def _pages(folder: Path) -> dict[Path, str]:
    documents = _documents(folder)
    on_gpu = documents.get(SPEED_ON_GPU)
    pages = {}
    for name, document in documents.items():
        searches = search_pairs(folder) if document.on_cpu else []
        pages[(folder / name).with_suffix(".md")] = speed_page(document, searches, on_gpu)
    return pages


def _documents(folder: Path) -> dict[str, SpeedDocument]:
    names = [name for name in (SPEED, SPEED_ON_GPU) if (folder / name).is_file()] or [SPEED]
    return {name: read_document(folder / name, SpeedDocument, "speed") for name in names}
