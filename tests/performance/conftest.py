"""What all performance cases share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.runtime import provenance
from benchmarks.studies.speed import machine_peak
from benchmarks.studies.speed.case import Case


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest) -> torch.device:
    """Of ``--device``."""
    return torch.device(request.config.getoption("--device"))


@pytest.fixture(autouse=True)
def float32_is_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """No TF32 in convolutions, as there is none in matrix products."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


@pytest.fixture(autouse=True)
def nothing_compiled_before(device: torch.device) -> Iterator[None]:
    """No limit on compiling is reached by other cases, and no graph of theirs holds memory."""
    yield
    if device.type == "cuda":
        torch.compiler.reset()
        torch.cuda.empty_cache()


@pytest.fixture(autouse=True)
def small_products(benchmark: BenchmarkFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A product of small matrices where nothing is timed."""
    if benchmark.disabled:
        monkeypatch.setattr(machine_peak, "SIDE", 128)


@pytest.fixture
def case(benchmark: BenchmarkFixture, device: torch.device) -> Case:
    """One row of the page of speed."""
    return Case(benchmark, device)


def pytest_benchmark_update_machine_info(
    config: pytest.Config, machine_info: dict[str, Any]
) -> None:
    """Versions, threads and device beside what pytest-benchmark knows of the machine."""
    device = torch.device(config.getoption("--device"))
    machine_info["suite"] = provenance.collect(device, torch.get_num_threads())
    machine_info["node"] = ""  # no host names in results
