"""``python -m benchmarks speed``: run the performance cases, write the document and its page."""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from bddm_ref.checkpoint import DamagedFileError, write_atomically, write_with_checksum
from benchmarks import provenance
from benchmarks.distributed import own_device
from benchmarks.report.check import SPEED
from benchmarks.speed.page import speed_page
from benchmarks.speed.schema import SpeedDocument
from benchmarks.speed.searches import search_pairs
from benchmarks.validation import read_document
from metrics.timing import machine_is_busy

STANDARD_ERROR = 2  # standard output has the page alone
CASES = Path(__file__).resolve().parents[2] / "tests" / "performance"


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
    document = _read(folder) if options.page_only else measure(options.device)
    page = write_speed(document, folder)
    sys.stdout.write(page.read_text())
    return 0


def measure(device: str) -> SpeedDocument:
    """Run all cases on a device.

    Raises:
        RuntimeError: a case failed, or this is no checkout.
    """
    if not CASES.is_dir():
        raise RuntimeError(f"{CASES} is not there: 'speed' needs a checkout of the project")
    made = provenance.collect(own_device(device), torch.get_num_threads())
    busy = machine_is_busy()
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "cases.json"
        command = [sys.executable, "-m", "pytest", "--benchmark-only", "-q", str(CASES)]
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
    """Write ``speed.json`` and ``speed.md``, which also compares the folder's searches.

    Returns:
        The page.

    Raises:
        DamagedFileError: results whose searches are to be compared are damaged.
    """
    text = document.model_dump_json(indent=1) + "\n"
    write_with_checksum(folder / SPEED, lambda path: path.write_text(text))
    page = (folder / SPEED).with_suffix(".md")
    write_atomically(page, lambda path: path.write_text(speed_page(document, search_pairs(folder))))
    return page


def check_speed(folder: Path) -> str:
    """Verify that the page is what the document and the folder's results say.

    Raises:
        DamagedFileError: it is not.
    """
    file = folder / SPEED
    page = file.with_suffix(".md")
    document = _read(folder)
    if not page.is_file() or page.read_text() != speed_page(document, search_pairs(folder)):
        raise DamagedFileError(
            f"{page} is not the page of {SPEED}; make it again with 'speed --page-only'"
        )
    return f"{file}: {len(document.cases)} cases, checksum, schema and page agree"


def _read(folder: Path) -> SpeedDocument:
    return read_document(folder / SPEED, SpeedDocument, "speed")
