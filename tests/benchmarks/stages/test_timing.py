"""Times of rows, taken from a document of ``speed`` instead of measured."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from bddm_ref.files import DamagedFileError, sha256_of
from benchmarks.contestants.base import SkipContestantError
from benchmarks.core.experiment import Convention, Experiment, RowConfig, TimingConfig
from benchmarks.core.rows import Row
from benchmarks.results import forms
from benchmarks.results.documents import Provenance
from benchmarks.results.records import Timings
from benchmarks.results.speed import SpeedCase, SpeedDocument, Timed
from benchmarks.runtime.progress import Progress
from benchmarks.stages.sample import Session
from benchmarks.stages.timing import documented_times

EXPERIMENT = Experiment(
    conventions=(Convention("raw"),),
    rows=(RowConfig("bddm", (3, 7)), RowConfig("ddpm", (3, 16, 1000))),
    timing=TimingConfig(document="speed-cuda.json", subject="DiffWave"),
)


class FakeSession:
    """Rows of N steps take N evaluations; BDDM found nothing of 7 steps."""

    def __init__(self) -> None:
        self.said = Console(record=True, width=200, file=None)
        self.context = SimpleNamespace(experiment=EXPERIMENT, progress=Progress(self.said))

    def sampler(self, row: Row) -> Any:
        if row.name == "bddm-7":
            raise SkipContestantError("nothing found")
        return SimpleNamespace(nfe=row.steps)


def case(network: str, what: str, steps: int | None, items: int, second: float) -> SpeedCase:
    subject = Timed(
        network=network, what=what, steps=steps, items=items,
        precision="bfloat16", seconds_of_audio=1.0,
    )  # type: ignore[arg-type]  # fmt: skip
    return SpeedCase(
        name="a", group="samplers", title="a", seconds={"ours": [second] * 9},
        bars={}, absent={}, figures=[], notes={}, subject=subject,
    )  # fmt: skip


def written(folder: Path, *cases: SpeedCase) -> Path:
    made = Provenance(
        commit=None,
        tree=None,
        python="3.12",
        packages={},
        system="Linux",
        processor="a processor",
        cores=2,
        threads=2,
        device="NVIDIA H100",
    )
    document = SpeedDocument(
        kind="speed",
        schema_version=2,
        created="2026-01-01",
        provenance=made,
        machine_busy=None,
        cases=list(cases),
    )
    return document.write(folder / "speed-cuda.json")


def times(file: Path) -> Timings:
    return documented_times(cast(Session, FakeSession()), file)


def test_a_row_takes_the_time_of_as_many_evaluations_of_its_network(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        case("DiffWave", "sampler", 3, 1, 0.03),
        case("DiffWave", "sampler", 3, 16, 99.0),
        case("DiffWave", "sampler", 1000, 1, 10.0),
        case("DiffWave", "encoder", None, 1, 99.0),
        case("a U-Net", "sampler", 16, 1, 99.0),
        case("DiffWave", "sampler", 50, 1, 0.5),
    )
    found = times(file)
    assert found.rows == {
        "raw/bddm-3": [0.03] * 9,
        "raw/ddpm-3": [0.03] * 9,
        "raw/ddpm-1000": [10.0] * 9,
    }
    assert found.seconds_of_audio == 1.0
    assert found.busy is False
    assert found.document is not None
    assert found.document.device == "NVIDIA H100"
    assert found.document.seconds_of_audio == 1.0
    assert found.document.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def test_without_the_document_nothing_has_a_time(tmp_path: Path) -> None:
    session = FakeSession()
    found = documented_times(cast(Session, session), tmp_path / "none.json")
    assert found == Timings(rows={}, busy=False)
    assert "no times: speed-cuda.json is not there" in session.said.export_text()


def test_a_damaged_document_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path)
    file.write_text("{}")
    with pytest.raises(DamagedFileError, match="does not match its checksum"):
        times(file)


def test_a_compressed_document_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "COMPRESSED_FROM", 1)
    file = written(tmp_path, case("DiffWave", "sampler", 3, 1, 0.03))
    assert file == tmp_path / "speed-cuda.json.gz"
    found = times(tmp_path / "speed-cuda.json")
    assert found.rows == {"raw/bddm-3": [0.03] * 9, "raw/ddpm-3": [0.03] * 9}
    assert found.document is not None
    assert found.document.sha256 == sha256_of(file)
