"""The command ``list``: one line for each shipped experiment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.cells import cell_len

from benchmarks.cli.app import main
from benchmarks.cli.listing import list_page
from benchmarks.core.identity import as_dict
from benchmarks.core.loading import FOLDER, load, names
from benchmarks.report.terminal import WIDTH, to_terminal
from benchmarks.results import listing
from benchmarks.results.listing import ListedExperiment, described, published_run
from synthetic.runs import images, write_run


def test_every_experiment_has_one_line_of_at_most_100_columns(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(cell_len, lines)) <= WIDTH
    found = [line.split()[0] for line in lines[2 : 2 + len(names())]]
    assert found == names()
    assert main(["list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in listed] == names()
    assert {one["name"]: one["folder"] for one in listed}["cpu-full"] == "results"
    for one, line in zip(listed, lines[2:], strict=False):
        assert one["what"] in line


@pytest.mark.parametrize("name", names())
def test_every_comment_begins_with_a_short_line(name: str) -> None:
    what, estimate = described(FOLDER / f"{name}.yaml")
    assert 10 < len(what) <= 34
    assert estimate is None or len(estimate) <= 12


def test_a_comment_tells_what_it_is_and_how_long_it_takes(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "# A try.\n# More words, which\n# go on. Takes about\n# 30 min.\ntrack: x\n# no\n"
    )
    assert described(file) == ("A try", "30 min")
    file.write_text("# A try\ntrack: speech\n# Takes hours.\n")
    assert described(file) == ("A try", None)
    file.write_text("track: speech\n")
    assert described(file) == ("", None)


def one(name: str, **fields: object) -> ListedExperiment:
    return ListedExperiment.model_validate({"name": name, "what": "w", "estimate": None, **fields})


def test_durations_are_measured_or_marked() -> None:
    measured = {"minutes": 12.4, "machine": "a processor, 2 threads"}
    page = to_terminal(
        list_page(
            [
                one("a", same_fields=True, estimate="hours", **measured),
                one("b", same_fields=False, **measured),
                one("c", same_fields=False, estimate="30 min", **measured),
                one("d", folder="results/search"),
            ]
        )
    )
    rows = {line[0]: line.split()[2:] for line in page.splitlines()[2:6]}
    assert rows["a"] == ["12", "min", "A", "—"]
    assert rows["b"] == ["12", "min", "A*", "—"]
    assert rows["c"] == ["~", "30", "min", "—"]
    assert rows["d"] == ["—", "search"]
    assert page.count("a processor, 2 threads") == 1
    assert "*: measured with other fields" in page
    plain = to_terminal(list_page([one("d")]))
    assert "measured on" not in plain
    assert "other fields" not in plain


def test_minutes_are_of_the_published_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "REPOSITORY", tmp_path)
    experiment = load("search-images")
    assert published_run("search-images", experiment) is None
    same = as_dict(experiment)
    results = images(experiment=same, wall_seconds={"search": 60.0, "sample": 90.0})
    write_run(tmp_path / "results" / "search", results)
    found = next(o for o in listing.listed() if o.name == "search-images")
    assert (found.minutes, found.same_fields) == (2.5, True)
    assert found.machine == "a processor, 2 threads"
    other = images(experiment=same | {"seed": 5}, experiment_name="search-images")
    write_run(tmp_path / "results" / "search", other)
    found = next(o for o in listing.listed() if o.name == "search-images")
    assert found.same_fields is False
    write_run(tmp_path / "results" / "search", images(experiment_name="mine"))
    assert published_run("search-images", experiment) is None  # of another experiment
