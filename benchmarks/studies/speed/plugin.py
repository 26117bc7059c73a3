"""A plugin of pytest that stores every performance case as soon as the case ends.

``python -m benchmarks speed`` loads the plugin. Important cases run first, and no case starts after
the time limit. Each case adds a line to a file, so that a failed case or an early end of the
process loses no other case.
"""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.core.names import one_line
from metrics.processes import signal_from_kernel

FIRST = ("samplers, one item", "training-step", "network", "samplers")
"""Groups by importance; all other groups come last."""
LATE = "no time was left"
LONGEST = 200  # most characters of a reason


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options for the file of lines, the time limit and the process that waits."""
    parser.addoption("--speed-parent", type=int, default=None)
    parser.addoption("--speed-record", required=True, type=Path)
    parser.addoption("--speed-seconds", type=float, default=None)


def pytest_configure(config: pytest.Config) -> None:
    """Register the recorder, which starts the clock of the time limit."""
    if (parent := config.getoption("--speed-parent")) is not None:
        signal_from_kernel(parent)  # nobody else would read the times
    record, seconds = config.getoption("--speed-record"), config.getoption("--speed-seconds")
    config.pluginmanager.register(Recorder(record, seconds, Path(config.rootpath)))


class Recorder:
    """The hooks that sort, start and record the cases.

    Args:
        file: file that gets one JSON object a line.
        seconds: time after which no further case starts; None: no limit.
        root: root of the checkout, which is cut from reasons.
    """

    def __init__(self, file: Path, seconds: float | None, root: Path) -> None:
        self._file, self._seconds, self._root = file, seconds, root
        self._began = time.monotonic()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Sort cases by importance."""
        items.sort(key=importance)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Start a case, or skip it for lack of time."""
        spent = time.monotonic() - self._began
        if self._seconds is not None and spent >= self._seconds:
            self._write(name=item.name, late=True)
            pytest.skip(LATE)
        self._write(name=item.name, started=True)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Record the measurement of a case, or the reason for its absence."""
        report = yield
        if report.failed and call.excinfo is not None:
            self._write(name=item.name, failed=self._reason(call.excinfo))
        elif report.skipped and call.excinfo is not None:
            reason = str(getattr(call.excinfo.value, "msg", call.excinfo.value))
            if reason != LATE:
                self._write(name=item.name, skipped=self._one_line(reason))
        elif report.when == "call":
            benchmark = getattr(item, "funcargs", {}).get("benchmark")
            if benchmark is None:
                self._write(name=item.name, skipped="the test measures nothing")
            else:
                self._write(name=item.name, group=benchmark.group, info=benchmark.extra_info)
        return report

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Record why a file of cases cannot be read."""
        if report.failed:
            lines = [line for line in str(report.longrepr).splitlines() if line.startswith("E ")]
            reason = lines[-1][1:] if lines else "the file cannot be imported"
            self._write(name=Path(report.nodeid).name, failed=self._one_line(reason))

    def _reason(self, error: pytest.ExceptionInfo[BaseException]) -> str:
        return self._one_line(f"{error.type.__name__}: {error.value}")

    def _one_line(self, text: str) -> str:
        lines = [one_line(line) for line in text.splitlines() if line.strip()]
        reason = lines[0] if lines else "no reason given"
        return reason.replace(f"{self._root}/", "")[:LONGEST]

    def _write(self, **entry: Any) -> None:
        with self._file.open("a") as file:
            file.write(json.dumps(entry) + "\n")


def importance(item: pytest.Item) -> int:
    """Rank of a case by its group and its number of items; 0 comes first."""
    marker = item.get_closest_marker("benchmark")
    group = "" if marker is None else str(marker.kwargs.get("group"))
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    if group == "samplers" and parameters.get("items", 1) == 1:
        group = FIRST[0]
    return FIRST.index(group) if group in FIRST else len(FIRST)
