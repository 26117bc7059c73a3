"""The pages of speed, which follow from their documents and from the searches beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bddm_ref.files import DamagedFileError
from benchmarks.cli.app import main
from benchmarks.report.markdown import to_markdown
from benchmarks.report.pages.speed import speed_page
from benchmarks.report.registry import checked, write_speed_pages
from benchmarks.results.search_pairs import SearchPair, search_pairs
from benchmarks.results.speed import OURS, SpeedCase, SpeedDocument
from synthetic.runs import images, write_run
from synthetic.searches import with_both_searches
from synthetic.studies import ON_GPU, sampler, speed


def page_of(searches: Sequence[SearchPair] = (), **changes: Any) -> str:
    return to_markdown(speed_page(speed(**changes), searches))


def test_the_page_tells_ratios_and_bars() -> None:
    page = page_of()
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
    assert "Not measured: sampling, search, training, scoring, start-up." in page
    assert "device cpu, torch 2.14.1, Python 3.11; commit `abcdef000000` (tree clean)" in page


@pytest.mark.parametrize(("busy", "said"), [(True, "was busy"), (None, "was not recorded")])
def test_the_page_tells_whether_the_machine_was_busy(busy: bool | None, said: str) -> None:
    assert said in page_of(machine_busy=busy)


def test_tests_without_a_case_are_named_with_their_reason() -> None:
    late = ["test_one", *(f"test_many[{i}]" for i in range(5)), "test_few[a]", "test_few[b]"]
    page = page_of(late=late, failed={"test_x": "E: no"}, skipped={"test_y": "z"})
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
    page = page_of(cases=cases)
    head = "| Steps | 1 item | real-time factor | Speed-up over 100 steps | Ratio of steps |"
    assert "## Whole samplers\n" in page
    assert f"### A network\n\n{head} 16 items | items/s |" in page
    assert "| 7 | 10 ms, *unstable* | 0.005 | 9.9 [9.3, 10.6] × | 14.3 | 40 ms | 400 |" in page
    assert "| 1.0 × | 1.0 | — | — |" in page
    assert "Its encoder takes 2 ms for 1 item of 2.000 s." in page
    told = "Samplers of 1 item: float32, 7 rounds, clips of 2.000 s, compiled with CUDA graphs."
    assert told in page
    few = [case.model_copy(update={"seconds": {OURS: case.seconds[OURS][:1]}}) for case in cases]
    assert "| 9.5 × |" in page_of(cases=few)  # one round has no interval
    assert "## Whole samplers" not in page_of()


def test_a_gpu_has_a_page_of_its_own_that_the_first_names(tmp_path: Path) -> None:
    speed(provenance=ON_GPU).write(tmp_path / "speed-cuda.json")
    page = write_speed_pages(tmp_path)
    assert page == tmp_path / "speed-cuda.md"
    assert not (tmp_path / "speed.md").exists()
    text = page.read_text()
    assert text.startswith("# Speed on a GPU\n")
    assert "TF32 is off" in text
    assert "Not tested here" not in text
    assert "Not measured: sampling, training." in text
    assert "`python -m benchmarks speed --device cuda`" in text
    speed().write(tmp_path / "speed.json")
    first = write_speed_pages(tmp_path)
    assert first == tmp_path / "speed.md"
    assert page.read_text() == text
    assert "[`speed-cuda.md`](speed-cuda.md): the same cases on a GPU." in first.read_text()
    assert "Not tested here" not in first.read_text()


def test_bars_of_a_gpu_are_told_apart_from_those_of_a_cpu() -> None:
    barred = speed().cases[:1]
    bare = [case.model_copy(update={"bars": {}}) for case in barred]
    assert "Bars are those set for a GPU" in page_of(provenance=ON_GPU, cases=barred)
    assert "and are not applied." in page_of(provenance=ON_GPU, cases=bare)


def both_searches(folder: Path, frugal_cost: int) -> list[SearchPair]:
    write_run(folder, with_both_searches(frugal_cost=frugal_cost))
    return search_pairs(folder)


def test_searches_are_compared_in_cost_and_outcome(tmp_path: Path) -> None:
    page = page_of(both_searches(tmp_path, frugal_cost=400))
    assert "8.0% of the papers' at most (bar: 10%, reached)" in page
    assert "3 comparisons: 0 better, 1 as good, 1 worse, 1 undecided (bar: none worse" in page
    assert "(bar: none worse, **missed**)" in page
    assert "2 are behind by interval and test" in page  # of as good and undecided
    assert (
        "| `images.json` plain | FD-fmnist ↓ | 5000 → 400 (8.0%) | 50 → 4 | +6.00 [+5.00, +7.00], "
        "p = 0.001: worse |"
    ) in page
    dear = page_of(both_searches(tmp_path, frugal_cost=9000))
    assert "180.0% of the papers' at most (bar: 10%, **missed**)" in dear
    assert "## Searches compared" not in page_of()


def test_the_check_finds_results_that_came_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path, images())
    speed().write(tmp_path / "speed.json")
    write_speed_pages(tmp_path)
    assert any("speed.json: 2 cases" in line for line in checked(tmp_path))
    write_run(tmp_path / "search", with_both_searches())
    with pytest.raises(DamagedFileError, match=r"speed\.md is not the page of speed\.json"):
        checked(tmp_path)
    assert main(["speed", "--page-only", "--results", str(tmp_path)]) == 0
    assert "## Searches compared" in capsys.readouterr().out
    assert any("speed.json: 2 cases" in line for line in checked(tmp_path))


def test_a_document_of_another_machine_is_taken_with_its_checksum(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, back = tmp_path / "mine", tmp_path / "back" / "speed-cuda.json"
    write_run(mine, images())
    speed().write(mine / "speed.json")
    write_speed_pages(mine)
    on_gpu = speed(provenance=speed().provenance.model_copy(update={"device": "A GPU"}))
    on_gpu.write(back)
    assert main(["speed", "--document", str(back), "--results", str(mine)]) == 0
    assert capsys.readouterr().out == f"written: {mine}\n"
    assert SpeedDocument.read(mine / "speed-cuda.json") == on_gpu
    assert "A GPU" in (mine / "speed-cuda.md").read_text()
    assert SpeedDocument.read(mine / "speed.json") == speed()
    assert any("speed-cuda.json: 2 cases" in line for line in checked(mine))
    back.write_text(back.read_text().replace("A GPU", "B GPU"))
    assert main(["speed", "--document", str(back), "--results", str(mine)]) == 2
    assert "speed-cuda.json does not match its checksum" in capsys.readouterr().err


def test_without_a_document_there_is_no_page(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match=r"speed\.json does not exist"):
        write_speed_pages(tmp_path)


def test_a_case_without_a_subject_is_in_no_table_of_samplers() -> None:
    anonymous = SpeedCase.model_validate(sampler(1, 7, [0.01]).model_dump() | {"subject": None})
    page = page_of(cases=[anonymous, sampler(1, 100, [0.1])])
    assert "| 100 | 100 ms, one round |" in page
    assert "10 ms" not in page
