"""A run's plan at its start, and what a run tells at its end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.cells import cell_len

from benchmarks.cli.app import main
from benchmarks.cli.summaries import VARIABLE
from benchmarks.core.experiment import Experiment
from benchmarks.core.identity import as_dict
from benchmarks.core.loading import load
from benchmarks.results.schema import RunResults
from benchmarks.runtime.progress import in_words
from benchmarks.stages import plan
from benchmarks.stages.context import Context
from benchmarks.stages.plan import Pace, Recorded, Share, durations, evaluations_of
from synthetic.runs import images, write_run

TINY = Path(__file__).parents[1] / "tiny" / "exact.yaml"
ALL = ("data", "train", "search", "sample", "score", "report")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (89, "89 s"), (90, "2 min"), (3600, "60 min"), (9000, "2.5 h")],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_shares_tell_what_is_taken_and_what_is_not() -> None:
    assert Share(1, 2, 3).told("networks") == "networks: 1 given, 2 taken, 3 to do"
    assert Share(left=4).told("searches") == "searches: 4 to do"
    assert Share().told("searches") == "searches: none"
    assert Share(given=5, taken=1, left=3).undone == 0.75
    assert Share(given=5).undone == 0.0


def context_of(experiment: Experiment, name: str = "") -> Context:
    """A context that has an experiment and nothing to work with."""
    return cast(Context, SimpleNamespace(experiment=experiment, identity=experiment, name=name))


def told(
    monkeypatch: pytest.MonkeyPatch,
    work: tuple[Share, Share],
    pace: Pace | None = None,
    recorded: Mapping[str, float] | None = None,
    stages: tuple[str, ...] = ALL,
) -> list[str]:
    found = None if recorded is None else Recorded(recorded, "a processor, 2 threads")
    monkeypatch.setattr(plan, "recorded_seconds", lambda context, results: found)
    context = context_of(load(str(TINY)))
    return list(durations(context, work, stages, pace, Path("out")))


def test_nothing_is_estimated_without_a_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, (Share(left=2), Share(left=3))) == [
        "no estimate for trainings, searches, scores, samples, times: nothing is recorded with "
        "these fields"
    ]
    assert told(monkeypatch, (Share(given=2), Share(taken=3)), stages=ALL[:3]) == []


def test_recorded_seconds_count_for_the_share_that_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorded = {"schedule_net": 1000.0, "search": 400.0, "score": 30.0}
    assert told(monkeypatch, (Share(1, 1, 3), Share(taken=2, left=2)), None, recorded) == [
        "trainings about 12 min, searches about 3 min, scores about 30 s: as recorded with these "
        "fields on a processor, 2 threads",
        "no estimate for samples, times: nothing is recorded with these fields",
    ]


def test_samples_follow_from_the_measured_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluations, timed = evaluations_of(context_of(load(str(TINY))))
    pace = Pace(single=600 / timed, batch=60.0 * 20 / evaluations, items=20)
    (line,) = told(monkeypatch, (Share(), Share()), pace, stages=ALL[:4])
    assert line.startswith("samples take 60 s at most, and times about 10 min: ")
    assert f"{evaluations // 1000} {evaluations % 1000:03} evaluations of the score" in line
    assert line.endswith("ms for 20 items, measured now; finished ones are taken")


def test_evaluations_are_steps_of_all_items_and_noise_seeds() -> None:
    experiment = load(str(TINY))
    sampled = sum(
        steps * row.seeds * (row.items or experiment.test_items)
        for row in experiment.rows
        for steps in row.steps
    )
    found, timed = evaluations_of(context_of(experiment))
    assert found == sampled * len(experiment.conventions)
    assert timed > 0
    from_document = replace(experiment.timing, document="speed.json")
    untimed = evaluations_of(context_of(replace(experiment, timing=from_document)))
    assert untimed == (found, 0)


def test_times_are_recorded_by_a_run_with_the_same_fields(tmp_path: Path) -> None:
    experiment = load("images-cpu")
    same: dict[str, Any] = {"experiment": as_dict(experiment), "wall_seconds": {"search": 9.0}}
    write_run(tmp_path, images(experiment_name="images-cpu", **same))
    found = plan.recorded_seconds(context_of(experiment, "images-cpu"), tmp_path)
    assert found == Recorded({"search": 9.0}, "a processor, 2 threads")
    faster = replace(experiment, device="cuda", batch_items=77)  # fields of the machine
    assert plan.recorded_seconds(context_of(faster, "images-cpu"), tmp_path) is not None
    larger = replace(experiment, test_items=experiment.test_items + 1)
    assert plan.recorded_seconds(context_of(larger, "images-cpu"), tmp_path) is None
    assert plan.recorded_seconds(context_of(experiment, "mine"), tmp_path) is None
    (tmp_path / "images.json").write_text("damaged")
    assert plan.recorded_seconds(context_of(experiment, "images-cpu"), tmp_path) is None


@pytest.mark.slow
def test_a_run_tells_its_plan_and_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(TINY.read_text())
    command = ["run", "mine.yaml", "--workspace", "work", "--results", "out"]
    assert main(["search", *command[1:4]]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert lines[0] == "mine: the stages are data, train, search"
    plans = [line for line in lines if line.startswith("plan: ")]
    assert plans[0] == "plan: networks: none; searches: 1 to do; the workspace is work"
    assert "tables" not in said.err

    assert main(command) == 0
    said = capsys.readouterr()
    plans = [line for line in said.err.splitlines() if line.startswith("plan: ")]
    assert plans[0] == "plan: networks: none; searches: 1 taken; the workspace is work"
    assert any("measured now" in line for line in plans)
    assert plans[-1] == "plan: tables go to out"
    assert "evaluations of the score network are left, about " in said.err
    assert said.out.startswith("Results of mine\n")
    assert max(map(cell_len, said.out.splitlines())) <= 100
    assert said.err.splitlines()[-3:] == [
        "page: out/analytic.md",
        "page to open in a browser: out/index.html",
        "written: out",
    ]

    monkeypatch.setenv(VARIABLE, "summary.md")
    assert main([*command, "--json"]) == 0
    said = capsys.readouterr()
    document = RunResults.model_validate(json.loads(said.out))
    assert document == RunResults.read(Path("out", "analytic.json"))
    assert "plan: no estimate for scores: " in said.err
    assert "evaluations of the score network are left" not in said.err
    assert Path("summary.md").read_text().startswith("## Results of mine\n\n")
