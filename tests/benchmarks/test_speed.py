"""The page of speed: what a case records, and that the page follows from the document."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bddm_ref.checkpoint import DamagedFileError
from benchmarks.__main__ import main
from benchmarks.derived import checked
from benchmarks.report.check import read_results
from benchmarks.speed import command, searches
from benchmarks.speed.case import OURS, Case
from benchmarks.speed.command import check_speed, write_speed
from benchmarks.speed.floor import SIDE, operations_of, seconds_at_peak
from benchmarks.speed.page import speed_page
from benchmarks.speed.schema import Figure, SearchPair, SpeedCase, SpeedDocument
from benchmarks.speed.searches import search_pairs
from benchmarks.speed.stopwatch import Stopwatch

RESULTS = Path(__file__).resolve().parents[2] / "results"


class Pedantic:
    """Runs rounds as pytest-benchmark does, without its clock."""

    def __init__(self) -> None:
        self.extra_info: dict[str, Any] = {}

    def pedantic(
        self,
        call: Callable[[], object],
        setup: Callable[[], object],
        rounds: int,
        warmup_rounds: int,
    ) -> None:
        for _ in range(warmup_rounds + rounds):
            setup()
            call()


class Ticking:
    """A clock by which every call takes a second more than the one before it."""

    def __init__(self) -> None:
        self.count = 0
        self.order: list[object] = []

    def seconds(self, call: Callable[[], object]) -> float:
        self.order.append(call())
        self.count += 1
        return float(self.count)


def test_a_case_times_all_in_turns_and_drops_the_warm_up() -> None:
    clock = Ticking()
    case = Case(Pedantic(), torch.device("cpu"), clock)  # type: ignore[arg-type]
    others = {"a": lambda: "a", "b": lambda: "b"}
    seconds = case.compare("title", lambda: OURS, others, rounds=3, bars={"a": 2.0})
    assert [len(values) for values in seconds.values()] == [3, 3, 3]
    assert list(seconds) == [OURS, "a", "b"]
    assert clock.order[2::3] == [OURS] * 4  # after the others of its round, warm-up too
    assert {frozenset(clock.order[i : i + 2]) for i in (0, 3, 6, 9)} == {frozenset("ab")}
    assert len({tuple(clock.order[i : i + 2]) for i in (0, 3, 6, 9)}) == 2  # in random order
    assert seconds[OURS] == [6.0, 9.0, 12.0]
    case.figure("share", 0.5, at_most=0.1)
    case.absent("c", "it is not there")
    case.note(items=3)
    SpeedCase.model_validate({"name": "n", "group": "network", **case.info})


def test_operations_are_counted() -> None:
    a, b = torch.ones(3, 4), torch.ones(4, 5)
    assert operations_of(lambda: a @ b) == 2 * 3 * 4 * 5
    assert seconds_at_peak(SIDE**3, 4.0) == 2.0


def test_a_stopwatch_adds_up_what_it_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    watch = Stopwatch(torch.device("cpu"))
    monkeypatch.setattr(Stopwatch, "now", lambda self: clock[0])

    def work(seconds: float) -> float:
        clock[0] += seconds
        return seconds

    inner = watch.wrapped(work)
    for _ in range(2):  # a second run starts from nothing
        assert watch.share_of(lambda: (inner(2.0), work(5.0), inner(1.0))) == 3 / 8
    assert watch.seconds == 3.0


def document(**changes: Any) -> SpeedDocument:
    case = SpeedCase(
        name="test_it",
        group="network",
        title="A network",
        seconds={OURS: [1.0, 1.0, 1.0], "plain": [3.0, 3.0, 3.0], "quick": [0.5, 0.5, 4.0]},
        bars={"plain": 2.5, "quick": 1.0},
        absent={"other": "it is not installed"},
        figures=[
            Figure(name="share of the peak", value=0.613, at_most=None, at_least=0.6),
            Figure(name="factor", value=4.0, at_most=None, at_least=5.0),
            Figure(name="share outside", value=0.031, at_most=0.02, at_least=None),
        ],
        notes={"GFLOP": 127.4, "published PESQ": 2.34567},
    )
    content: dict[str, Any] = {
        "schema_version": 1,
        "created": "2026-01-02T03:04:05+00:00",
        "provenance": {
            "processor": "a processor",
            "cores": 2,
            "threads": 2,
            "device": "cpu",
            "packages": {"torch": "2.14.1"},
            "python": "3.11",
            "commit": "0" * 40,
            "tree": "clean",
        },
        "machine_busy": False,
        "cases": [case],
        "searches": [],
    }
    return SpeedDocument.model_validate(content | changes)


def test_the_page_tells_ratios_and_bars() -> None:
    page = speed_page(document())
    assert "| A network (GFLOP 127.4, published PESQ 2.346) | 1.00 s |" in page
    assert "| plain | 3.00 s | 3.00 × | 2.5 × reached |" in page
    assert "| quick | 500 ms, *unstable* | 0.50 [0.50, 4.00] × | 1 × within the noise |" in page
    assert "| share of the peak | 61.3% | at least 60%: reached |" in page
    assert "| factor | 4 | at least 5: **missed** |" in page
    assert "| share outside | 3.1% | at most 2%: **missed** |" in page
    assert "not compared with other: it is not installed." in page
    assert "busy" not in page
    assert "Not tested here: `python -m benchmarks speed --device cuda`" in page
    assert "was busy" in speed_page(document(machine_busy=True))


def test_check_finds_a_page_that_is_not_the_documents(tmp_path: Path) -> None:
    page = write_speed(document(), tmp_path)
    assert "1 cases" in check_speed(tmp_path)
    page.write_text(page.read_text().replace("1.00 s", "0.90 s"))
    with pytest.raises(DamagedFileError, match=r"speed\.md is not the page of speed\.json"):
        check_speed(tmp_path)


def test_check_knows_the_document_among_results(tmp_path: Path) -> None:
    for file in RESULTS.glob("images*"):
        if file.is_file():
            shutil.copy(file, tmp_path)
    write_speed(document(), tmp_path)
    assert any("speed.json: 1 cases" in line for line in checked(tmp_path))


def test_searches_are_compared_where_both_were_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ablation's constants stand in for a frugal search: any searched contestant would do."""
    place = tmp_path / "networks" / "other"
    place.mkdir(parents=True)
    for file in (RESULTS / "ablation").glob("images*"):
        shutil.copy(file, place)
    monkeypatch.setattr(searches, "FRUGAL", "bddm-released")
    (pair,) = search_pairs(tmp_path)
    results = read_results(place / "images.json")
    assert pair.source == "networks/other/images.json"
    assert pair.nfe["bddm"] == results.costs["plain"].search_nfe
    assert pair.nfe["bddm-released"] == results.costs["plain/bddm-released"].search_nfe
    values = {row.contestant: row.metrics["fd"].value for row in results.rows if row.steps == 7}
    difference = pair.differences["7"].value
    assert difference is not None
    assert difference == pytest.approx(values["bddm-released"] - values["bddm"])
    page = speed_page(document(searches=[pair]))
    assert f"{difference:+.2f} [" in page
    monkeypatch.undo()
    assert search_pairs(tmp_path) == []
    assert isinstance(pair, SearchPair)


def test_the_command_tells_what_it_cannot_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def measure(device: str, folder: Path) -> Path:
        asked.append((device, folder))
        return write_speed(document(), folder)

    monkeypatch.setattr(command, "measure", measure)
    options = ["--device", "cuda", "--results", str(tmp_path), "--search.bins", "5"]
    assert main(["speed", *options]) == 0
    assert asked == [("cuda", tmp_path)]
    told = capsys.readouterr()
    assert "speed has no use for --search.bins 5" in told.err
    assert told.out.startswith("# Speed")


def test_a_failing_case_is_told_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tests" / "performance").mkdir(parents=True)
    monkeypatch.setattr(command, "CASES", tmp_path / "tests" / "performance")
    assert main(["speed", "--results", str(tmp_path)]) == 2
    assert "error: a performance case failed; its output is above" in capsys.readouterr().err
    monkeypatch.setattr(command, "CASES", tmp_path / "nowhere")
    assert main(["speed", "--results", str(tmp_path)]) == 2
    assert "needs a checkout" in capsys.readouterr().err
    assert not (tmp_path / "speed.json").exists()
