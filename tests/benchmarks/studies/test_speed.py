"""Performance cases: what a case records, and the command that runs all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.cli.app import main
from benchmarks.results.speed import OURS, SpeedCase, SpeedDocument
from benchmarks.studies.speed import command
from benchmarks.studies.speed.case import Case
from benchmarks.studies.speed.command import write_speed
from benchmarks.studies.speed.machine_peak import SIDE, operations_of, seconds_at_peak
from benchmarks.studies.speed.stopwatch import Stopwatch
from synthetic.studies import ON_GPU, speed


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
    calls = {"others": {"a": lambda: "a"}, "beside": {"b": lambda: "b"}}
    seconds = case.compare("title", lambda: OURS, rounds=5, bars={"a": 2.0}, **calls)
    rounds = [tuple(clock.order[i : i + 3]) for i in range(0, 18, 3)]
    assert len(clock.order) == 18  # the warm-up too
    assert {frozenset(one) for one in rounds} == {frozenset([OURS, "a", "b"])}
    assert len({one.index(OURS) for one in rounds}) > 1  # nobody has a fixed place
    assert list(seconds) == [OURS, "a", "b"]
    for name, values in seconds.items():
        assert values == [i + 1.0 for i in range(3, 18) if clock.order[i] == name]
    case.figure("share", 0.5, at_most=0.1, is_share=True)
    case.absent("c", "it is not there")
    case.note(items=3)
    recorded = SpeedCase.model_validate({"name": "n", "group": "network", **case.info})
    assert list(recorded.seconds) == [OURS, "a"]


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


def test_a_gpu_has_bars_of_its_own() -> None:
    case = Case(Pedantic(), torch.device("meta"), Ticking())  # type: ignore[arg-type]
    case.cuda_bars({"a": 4.0, "not compared": 1.0})
    case.compare("title", lambda: OURS, {"a": lambda: "a"}, bars={"a": 2.0})
    assert case.info["bars"] == {"a": 4.0}
    assert SpeedCase.model_validate({"name": "n", "group": "network", **case.info})


def test_bars_are_not_applied_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what our call takes there is noted, unless it takes nothing."""
    device = torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda d: 2**20)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda d: None)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda d: 3 * 2**20)
    case = Case(Pedantic(), device, Ticking())  # type: ignore[arg-type]
    case.compare("title", lambda: OURS, {"a": lambda: "a"}, bars={"a": 2.0})
    case.figure("share", 0.5, at_most=0.1)
    assert case.info["bars"] == {}
    assert case.info["figures"][0]["at_most"] is None
    assert case.info["notes"] == {"peak memory, MiB": 3}
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda d: 2**20)
    case = Case(Pedantic(), device, Ticking())  # type: ignore[arg-type]
    case.compare("title", lambda: OURS)
    assert case.info["notes"] == {}


@pytest.mark.parametrize(
    ("document", "name"),
    [(speed(), "speed"), (speed(provenance=ON_GPU), "speed-cuda")],
    ids=["cpu", "gpu"],
)
def test_a_document_takes_the_place_of_its_kind_of_device(
    tmp_path: Path, document: SpeedDocument, name: str
) -> None:
    page = write_speed(document, tmp_path)
    assert page == tmp_path / f"{name}.md"
    assert page.is_file()
    assert SpeedDocument.read(tmp_path / f"{name}.json") == document


def test_the_command_measures_and_refuses_options_of_experiments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def measure(device: str, seconds: float | None) -> SpeedDocument:
        asked.append((device, seconds))
        return speed()

    monkeypatch.setattr(command, "measure", measure)
    options = ["--device", "cuda", "--results", str(tmp_path)]
    assert main(["speed", *options]) == 0
    assert asked == [("cuda", None)]
    assert capsys.readouterr().out.startswith("# Speed")
    with pytest.raises(SystemExit):
        main(["speed", *options, "--search.bins", "5"])
    assert "Unrecognized options: --search.bins" in capsys.readouterr().err
    assert len(asked) == 1


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
