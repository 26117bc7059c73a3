"""The work of ``speed``: run the performance cases, and write the document and pages."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from benchmarks.core.errors import UserError
from benchmarks.report.registry import SPEED, SPEED_ON_GPU, write_speed_pages
from benchmarks.results.speed import SpeedDocument
from benchmarks.runtime import provenance
from benchmarks.runtime.distributed import own_device, refuse_missing
from metrics.timing import machine_is_busy

STANDARD_ERROR = 2  # the command's own standard output holds the page alone
CASES = Path(__file__).resolve().parents[3] / "tests" / "performance"
PLUGIN = "benchmarks.studies.speed.plugin"
GRACE = 120.0  # s after the last start, before a running case is stopped
ON_GPU = (  # files of cases that run on a GPU
    "test_samplers.py",
    "test_training.py",
    "test_network.py",
    "test_sampling.py",
)


def measure(device: str, seconds: float | None = None) -> SpeedDocument:
    """Run the cases of a device: all on a CPU, the files of ON_GPU on a GPU.

    Args:
        device: torch's name of the device.
        seconds: time after which no further case starts; None: no limit.

    Raises:
        UserError: no case was measured, the device is missing, or this is no checkout.
    """
    if not CASES.is_dir():
        raise UserError(f"{CASES} is missing: 'speed' needs a checkout of the project")
    refuse_missing(device)
    made = provenance.collect(own_device(device), torch.get_num_threads())
    busy = machine_is_busy()
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "cases.jsonl"
        lost = _run_cases(device, seconds, file)
        lines = file.read_text().splitlines() if file.is_file() else []
    found = _found([json.loads(line) for line in lines], lost)
    if not found["cases"]:
        raise UserError("a performance case failed; its output is above")
    return SpeedDocument.model_validate(
        {
            "kind": "speed",
            "schema_version": 2,
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "provenance": made,
            "machine_busy": busy or machine_is_busy(),
            **found,
        }
    )


def _run_cases(device: str, seconds: float | None, file: Path) -> str:
    """Run pytest, which adds a line to the file for each case.

    Returns:
        Reason for a case that started and did not end, if there is such a case.
    """
    places = [CASES] if device == "cpu" else [CASES / name for name in ON_GPU]
    command = [sys.executable, "-m", "pytest", "--benchmark-only", "-q", *map(str, places)]
    # A warning or a file that cannot be imported must not cost the other cases.
    command += ["-W", "default", "--continue-on-collection-errors", "-p", PLUGIN]
    command += [f"--device={device}", f"--speed-record={file}", f"--speed-parent={os.getpid()}"]
    if seconds is not None:
        command.append(f"--speed-seconds={seconds}")
    try:
        done = subprocess.run(
            command,
            cwd=CASES.parents[1],
            env=own_environment(),
            stdout=STANDARD_ERROR,
            check=False,
            timeout=None if seconds is None else seconds + GRACE,
        )
    except subprocess.TimeoutExpired:
        return f"the case was stopped {GRACE:g} s after the last start"
    return f"the process ended early, with status {done.returncode}"


def own_environment() -> dict[str, str]:
    """Environment for a pytest of its own; workers of pytest-xdist time nothing."""
    return {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_XDIST")}


def _found(entries: list[dict[str, Any]], lost: str) -> dict[str, Any]:
    """Sort the plugin's lines into cases and late, skipped and failed tests.

    Args:
        entries: the lines in order.
        lost: reason for a case that started and did not end.
    """
    ended: dict[str, dict[str, Any]] = {}
    for entry in entries:
        if "failed" not in ended.get(entry["name"], {}):  # a case may fail after its measurement
            ended[entry["name"]] = entry
    return {
        "cases": [case for one in ended.values() if "info" in one for case in _cases_of(one)],
        "late": [name for name, one in ended.items() if "late" in one],
        "skipped": {name: one["skipped"] for name, one in ended.items() if "skipped" in one},
        "failed": {
            name: one.get("failed", lost)
            for name, one in ended.items()
            if "failed" in one or "started" in one
        },
    }


def _cases_of(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """Cases of one test: one case, or one for each of several samplers."""
    info = dict(entry["info"])
    parts = info.pop("parts", [info])
    named = {"name": entry["name"], "group": entry["group"], "notes": info["notes"]}
    return [named | part for part in parts if "seconds" in part]


def write_speed(document: SpeedDocument, folder: Path) -> Path:
    """Write a document and all pages; a document of the same kind of device is replaced.

    Returns:
        The page of the document.

    Raises:
        DamagedFileError: results for the comparison of searches are damaged.
    """
    write_speed_pages(folder, document)
    return (folder / (SPEED if document.on_cpu else SPEED_ON_GPU)).with_suffix(".md")
