"""The page of speed: what a case records, and that the page follows from the document."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bddm_ref.files import DamagedFileError
from benchmarks.cli.app import main
from benchmarks.report.pages.speed import speed_page
from benchmarks.report.registry import checked
from benchmarks.results import search_pairs as searches
from benchmarks.results.search_pairs import search_pairs
from benchmarks.results.speed import OURS, Figure, SpeedCase, SpeedDocument
from benchmarks.results.store import read_results
from benchmarks.studies.speed import command
from benchmarks.studies.speed.case import Case
from benchmarks.studies.speed.command import check_speed, write_speed
from benchmarks.studies.speed.machine_peak import SIDE, operations_of, seconds_at_peak
from benchmarks.studies.speed.stopwatch import Stopwatch

RESULTS = Path(__file__).resolve().parents[3] / "results"


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


OF_ONE_ROUND = {
    "group": "a group of its own",
    "title": "Once",
    "seconds": {OURS: [2.0], "few": [3.0]},
    "bars": {},
    "figures": [],
    "absent": {},
}


def document(**changes: Any) -> SpeedDocument:
    case = SpeedCase(
        name="test_it",
        group="network",
        title="A network",
        seconds={OURS: [1.0] * 7, "plain": [3.0] * 7, "quick": [0.5] * 4 + [4.0] * 3},
        bars={"plain": 2.5, "quick": 1.0},
        absent={"other": "it is not installed"},
        figures=[
            Figure(
                name="share of the peak", value=0.613, is_share=True, at_most=None, at_least=0.6
            ),
            Figure(name="factor", value=4.0, is_share=False, at_most=None, at_least=5.0),
            Figure(name="share outside", value=0.031, is_share=True, at_most=0.02, at_least=None),
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
        "cases": [case, case.model_copy(update=OF_ONE_ROUND)],
    }
    return SpeedDocument.model_validate(content | changes)


def test_the_page_tells_ratios_and_bars() -> None:
    page = speed_page(document(), [])
    assert "| A network (GFLOP 127.4, published PESQ 2.346) | 1.00 s |" in page
    assert "| plain | 3.00 s | 3.00 × | 2.5 × reached |" in page
    assert "| quick | 500 ms, *unstable* | 0.50 [0.50, 4.00] × | 1 × within the noise |" in page
    assert "## a group of its own" in page
    assert "| Once (GFLOP 127.4, published PESQ 2.346) | 2.00 s, one round |" in page
    assert "| few | 3.00 s, one round | 1.50 × |" in page
    assert "| share of the peak | 61.3% | at least 60%: reached |" in page
    assert "| factor | 4 | at least 5: **missed** |" in page
    assert "| share outside | 3.1% | at most 2%: **missed** |" in page
    assert "not compared with other: it is not installed." in page
    assert "busy" not in page
    assert "Not tested here: `python -m benchmarks speed --device cuda`" in page
    assert "was busy" in speed_page(document(machine_busy=True), [])
    assert "was not recorded" in speed_page(document(machine_busy=None), [])
    assert "Not measured: sampling, search, training, scoring, start-up." in page


def sampler(items: int, steps: int | None, seconds: list[float], **more: Any) -> SpeedCase:
    subject = {
        "network": "A network", "what": "encoder" if steps is None else "sampler", "steps": steps,
        "items": items, "precision": "float32", "seconds_of_audio": 2.0,
    }  # fmt: skip
    content = {"name": "t", "group": "samplers", "title": "t", "seconds": {OURS: seconds}}
    empty: dict[str, Any] = {"bars": {}, "absent": {}, "figures": [], "notes": {}}
    return SpeedCase.model_validate({**content, **empty, **more, "subject": subject})


def test_what_was_not_measured_is_named() -> None:
    late = ["test_one", *(f"test_many[{i}]" for i in range(5)), "test_few[a]", "test_few[b]"]
    page = speed_page(document(late=late, failed={"test_x": "E: no"}, skipped={"test_y": "z"}), [])
    assert (
        "Not measured for lack of time: `test_one`, `test_many` (5 cases), `test_few[a]`, "
        "`test_few[b]`.\n"
    ) in page
    assert "Failed:\n\n* `test_x`: E: no\n" in page
    assert "Not made here:\n\n* `test_y`: z\n" in page


def test_samplers_have_a_table_for_each_network() -> None:
    pace = [1.0, 5.0, 1.0, 5.0, 1.0, 5.0, 1.0]  # of the machine, by round
    cases = [
        sampler(1, 7, [0.01 * p for p in pace], notes={"compiled": "with CUDA graphs"}),
        sampler(1, 100, [0.1 * p * q for p, q in zip(pace, [0.95, 1.0, 1.05] * 3, strict=False)]),
        sampler(16, 7, [0.04] * 7),
        sampler(1, None, [0.002] * 9),
    ]
    page = speed_page(document(cases=cases), [])
    head = "| Steps | 1 item | real-time factor | Speed-up over 100 steps | Ratio of steps |"
    assert "## Whole samplers\n" in page
    assert f"### A network\n\n{head} 16 items | items/s |" in page
    assert "| 7 | 10 ms, *unstable* | 0.005 | 9.9 [9.6, 10.2] × | 14.3 | 40 ms | 400 |" in page
    assert "| 1.0 × | 1.0 | — | — |" in page
    assert "Its encoder takes 2 ms for 1 item of 2.000 s." in page
    told = "Samplers of 1 item: float32, 7 rounds, clips of 2.000 s, compiled with CUDA graphs."
    assert told in page
    few = [case.model_copy(update={"seconds": {OURS: case.seconds[OURS][:5]}}) for case in cases]
    assert "| 9.9 × |" in speed_page(document(cases=few), [])
    assert "## Whole samplers" not in speed_page(document(), [])


def test_check_finds_a_page_that_is_not_the_documents(tmp_path: Path) -> None:
    page = write_speed(document(), tmp_path)
    assert "2 cases" in check_speed(tmp_path)
    page.write_text(page.read_text().replace("1.00 s", "0.90 s"))
    with pytest.raises(DamagedFileError, match=r"speed\.md is not the page of speed\.json"):
        check_speed(tmp_path)


ON_GPU = {"provenance": document().provenance | {"device": "a GPU"}}


def test_a_gpu_has_a_page_of_its_own_that_the_first_names(tmp_path: Path) -> None:
    page = write_speed(document(**ON_GPU), tmp_path)
    assert page == tmp_path / "speed-cuda.md"
    assert not (tmp_path / "speed.md").exists()
    text = page.read_text()
    assert text.startswith("# Speed on a GPU\n")
    assert "TF32 is off" in text
    assert "Not tested here" not in text
    assert "Not measured: sampling, training." in text
    assert "`python -m benchmarks speed --device cuda`" in text
    assert any("speed-cuda.json: 2 cases" in line for line in (check_speed(tmp_path),))
    first = write_speed(document(), tmp_path)
    assert page.read_text() == text
    assert "[`speed-cuda.md`](speed-cuda.md): the same cases on a GPU." in first.read_text()
    assert "Not tested here" not in first.read_text()
    page.write_text(text.replace("1.00 s", "0.90 s"))
    with pytest.raises(
        DamagedFileError, match=r"speed-cuda\.md is not the page of speed-cuda\.json"
    ):
        check_speed(tmp_path)


def test_a_gpu_has_bars_of_its_own(tmp_path: Path) -> None:
    case = Case(Pedantic(), torch.device("meta"), Ticking())  # type: ignore[arg-type]
    case.cuda_bars({"a": 4.0, "not compared": 1.0})
    case.compare("title", lambda: OURS, {"a": lambda: "a"}, bars={"a": 2.0})
    assert case.info["bars"] == {"a": 4.0}
    recorded = SpeedCase.model_validate({"name": "n", "group": "network", **case.info})
    told = speed_page(document(**ON_GPU, cases=[recorded]), [])
    assert "Bars are those set for a GPU" in told
    assert "Bars are those set for a GPU" not in speed_page(
        document(**ON_GPU, cases=[recorded.model_copy(update={"bars": {}})]), []
    )


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


def test_check_knows_the_document_among_results(tmp_path: Path) -> None:
    for file in RESULTS.glob("images*"):
        if file.is_file():
            shutil.copy(file, tmp_path)
    write_speed(document(), tmp_path)
    assert any("speed.json: 2 cases" in line for line in checked(tmp_path))


def test_searches_are_compared_where_both_were_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ablation's constants stand in for the frugal search."""
    place = tmp_path / "networks" / "other"
    place.mkdir(parents=True)
    for file in (RESULTS / "ablation").glob("images*"):
        shutil.copy(file, place)
    monkeypatch.setattr(searches, "FRUGAL", "constants")
    (pair,) = search_pairs(tmp_path)
    results = read_results(place / "images.json")
    assert pair.source == "networks/other/images.json"
    assert pair.nfe["bddm"] == results.costs["plain"].search_nfe
    assert pair.nfe["constants"] == results.costs["plain/constants"].search_nfe
    values = {row.contestant: row.metrics["fd"].value for row in results.rows if row.steps == 7}
    difference = pair.differences[7].value
    assert difference is not None
    assert difference == pytest.approx(values["constants"] - values["bddm"])
    assert pair.verdicts == {3: "worse", 7: "as good", 16: "undecided"}
    assert pair.behind == {3, 7, 16}
    page = speed_page(document(), [pair])
    assert f"{difference:+.2f} [" in page
    assert "184.3% of the papers' at most (bar: 10%, **missed**)" in page
    assert "3 comparisons: 0 better, 1 as good, 1 worse, 1 undecided (bar: none worse" in page
    assert "2 are behind by interval and test" in page  # of as good and undecided
    monkeypatch.undo()
    assert search_pairs(tmp_path) == []


def test_check_finds_results_that_came_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_speed(document(), tmp_path)
    place = tmp_path / "ablation"
    place.mkdir()
    for file in (RESULTS / "ablation").glob("images*"):
        shutil.copy(file, place)
    monkeypatch.setattr(searches, "FRUGAL", "constants")
    with pytest.raises(DamagedFileError, match=r"make it again with 'speed --page-only'"):
        check_speed(tmp_path)
    assert main(["speed", "--page-only", "--results", str(tmp_path)]) == 0
    assert "## Searches compared" in capsys.readouterr().out
    assert "2 cases" in check_speed(tmp_path)


def test_the_command_measures_and_refuses_options_of_experiments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def measure(device: str, seconds: float | None) -> SpeedDocument:
        asked.append((device, seconds))
        return document()

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
