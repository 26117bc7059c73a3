"""Fields that do not fit each other are refused before anything is computed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.cli.app import main
from benchmarks.core import estimates
from benchmarks.core.checks import refuse_missing_weights, refuse_unusable
from benchmarks.core.errors import ExperimentError
from benchmarks.core.estimates import refuse_too_large
from benchmarks.core.experiment import Experiment
from benchmarks.core.loading import from_content, load, names

TINY = Path(__file__).parents[1] / "tiny"


def experiment(**changed: object) -> Experiment:
    """An experiment that can be run, but for the changed fields, given as plain content."""
    content: dict[str, object] = {
        "training_schedule": {"T": 100, "start": 1e-4, "end": 0.1},
        "schedule_net": {"tau": 20},
        "search": {"lengths": [3]},
        "rows": [
            {"contestant": "bddm", "steps": [3]},
            {"contestant": "ddpm", "steps": [100]},
        ],
        "reference": "ddpm-100",
    }
    return from_content(content | changed, "mine.yaml")


@pytest.mark.parametrize("name", names())
def test_shipped_experiments_are_usable(name: str) -> None:
    refuse_unusable(load(name))
    refuse_missing_weights(load(name))


@pytest.mark.parametrize("path", sorted(TINY.glob("*.yaml")), ids=lambda path: path.stem)
def test_tiny_experiments_are_usable(path: Path) -> None:
    refuse_unusable(load(str(path)))


RATE = {"steps": 10, "learning_rate": 0.1}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"conventions": []}, "conventions: the list is empty"),
        ({"conventions": [{"name": "a"}, {"name": "a"}]}, "conventions: a occurs twice"),
        ({"conventions": [{"name": "../../../up"}]}, "conventions: '../../../up' is no name"),
        ({"conventions": [{"name": "a|b"}]}, r"conventions: 'a\|b' is no name"),
        ({"conventions": [{"name": "nul"}]}, "conventions: 'nul' is no name"),
        ({"contestants": {"My Own": "a.py:B"}}, "contestants: 'My Own' is no name"),
        ({"rows": []}, "rows: the list is empty"),
        ({"rows": [{"contestant": "ddpm", "steps": []}]}, r"rows\.0\.steps: the list is empty"),
        ({"rows": [{"contestant": "ddpm", "steps": [101]}]}, r"rows\.0\.steps: 101 is more than"),
        ({"rows": [{"contestant": "ddpm", "steps": [3, 3]}]}, "scaled/ddpm-3 occurs twice"),
        ({"rows": [{"contestant": "ddpm", "steps": [3]}] * 2}, "scaled/ddpm-3 occurs twice"),
        ({"reference": "ddpm-7"}, "reference: 'ddpm-7' is none of"),
        ({"reference": "ddpm"}, "reference: 'ddpm' is none of"),
        ({"search": {"lengths": []}}, "search.lengths: the list is empty"),
        ({"search": {"lengths": [3, 7, 3]}}, "search.lengths: 3 occurs twice"),
        ({"search": {"lengths": [3, 101]}}, "search.lengths: 101 is more than training_schedule.T"),
        ({"search": {"searches": ["paper", "paper"]}}, "search.searches: paper occurs twice"),
        ({"training_schedule": {"T": 100, "start": 0.2, "end": 0.1}}, "start: 0.2 is above end"),
        ({"training_schedule": {"T": 9999, "start": 0.1, "end": 0.9}}, "leave no signal"),
        (
            {"schedule_net": {"tau": 51}},
            r"tau: 51 is more than half of .* from 1 to 50",
        ),
        ({"score_net": {"training": RATE | {"warmup": 11}}}, r"score_net\.training\.warmup: 11 is"),
        (
            {"schedule_net": {"tau": 9, "training": RATE | {"warmup": 99}}},
            "warmup: 99 is more",
        ),
        ({"score_net": {"level_lowest": 3, "level_highest": 3}}, "level_lowest: 3 is not below"),
        ({"headline": ["stoi", "stoi"]}, "headline: stoi occurs twice"),
        ({"predicted_mos": ["dnsmos", "dnsmos"]}, "predicted_mos: dnsmos occurs twice"),
        ({"device": "mps"}, "device: 'mps' is not allowed; give cpu, cuda, or cuda:1"),
        ({"device": "gpu"}, "device: 'gpu' is not allowed"),
        ({"device": "cuda:"}, "device: 'cuda:' is not allowed"),
        ({"device": "cpu\n"}, "device: 'cpu' has characters that cannot be printed"),
        ({"data": " "}, "data: the text is empty"),
        ({"data": ""}, "data: the text is empty"),
        ({"data": "a\x1b[2J"}, r"data: 'a\\x1b\[2J' has characters that cannot be printed"),
        ({"data": "a\0"}, "data: .* cannot be printed"),
        ({"publish": "a\u202eb"}, r"publish: 'a\\u202eb' has characters"),
        ({"score_net": {"network": "x\ny"}}, "score_net.network: 'x y' has characters"),
        ({"margins": {"a\x07": 1}}, "margins: .* cannot be printed"),
        ({"contestants": {"mine": "\x1b[2J.py:A"}}, "contestants.mine: .* cannot be printed"),
        ({"score_net": {"weights": ""}}, "score_net.weights: the text is empty"),
    ],
)
def test_fields_that_do_not_fit(changed: dict[str, object], message: str) -> None:
    refuse_unusable(experiment())
    with pytest.raises(ExperimentError, match=message) as told:
        refuse_unusable(experiment(**changed))  # a text is refused when it is read
    assert str(told.value).isprintable()


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"score_net": {"weights": "results/absent.safetensors"}}, "score_net.weights"),
        ({"score_net": {"weights": "results"}}, "score_net.weights"),
        ({"score_net": {"start": "/absent"}}, "score_net.start"),
        ({"schedule_net": {"weights": {"raw": "absent"}}}, "schedule_net.weights.raw"),
        (
            {"track": "images", "image": {"extractor_weights": "absent"}},
            "image.extractor_weights",
        ),
    ],
)
def test_weights_that_are_not_there(changed: dict[str, object], field: str) -> None:
    with pytest.raises(
        ExperimentError, match=f"^{field}: .* is missing: the file does not exist; give"
    ):
        refuse_missing_weights(experiment(**changed))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--reference", "ddpm-9"], "reference: 'ddpm-9' is none of"),
        (["--search.lengths", "3", "3"], "search.lengths: 3 occurs twice"),
        (["--timing.rounds", "0"], "timing.rounds: 0 is too few"),
        (["--timing.claimed", "raw/bddm-9"], "timing.claimed: 'raw/bddm-9' is none of"),
        (["--training-schedule.T", "1"], "training_schedule.T: 1 is not allowed"),
        (["--device", "mps"], "device: 'mps' is not allowed"),
        (
            ["--score-net.weights", "absent"],
            "score_net.weights: absent is missing: the file",
        ),
        (["--data", "a\x1b[31m"], "data: 'a\\x1b[31m' has characters"),
    ],
)
def test_a_dry_run_refuses_too(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "smoke", "--dry-run", *options]) == 2
    told = capsys.readouterr()
    assert message in told.err
    assert told.err.count("\n") == 1
    assert told.out == ""


def test_training_from_scratch_needs_no_weights(capsys: pytest.CaptureFixture[str]) -> None:
    absent = ["--score-net.weights", "absent"]
    assert main(["run", "smoke", "--dry-run", "--from-scratch", *absent]) == 0
    assert "weights: absent" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"batch_items": 1_000_000, "test_items": 1_000_000}, "batch_items: this needs at least"),
        ({"score_net": {"batch_size": 1_000_000}}, "score_net.batch_size: this needs at least"),
        ({"schedule_net": {"tau": 1, "batch_size": 1_000_000}}, "schedule_net.batch_size: this"),
        ({"test_items": 10_000_000}, "rows: bddm-3: this needs at least"),
        ({"search": {"lengths": [3], "bins": 1000, "judge_items": 100_000}}, "search: this asks"),
        (
            {"track": "analytic", "test_items": 10_000_000, "clip_frames": 1},
            r"rows: this asks for about .* network evaluations; make it smaller, to at most 1e\+11",
        ),
    ],
)
def test_what_obviously_cannot_fit(
    changed: dict[str, object], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimates, "physical_memory", lambda: 32 * 2**30)
    refuse_too_large(experiment())
    many = [{"contestant": "ddpm", "steps": [100], "seeds": 1000}]
    rows = {"rows": many} if changed.get("track") == "analytic" else {}
    with pytest.raises(ExperimentError, match=message):
        refuse_too_large(experiment(**changed, **rows))


def test_memory_that_is_unknown_refuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimates, "physical_memory", lambda: None)
    refuse_too_large(experiment(test_items=10_000_000))
    monkeypatch.undo()
    found = estimates.physical_memory()
    assert found is None or found > 2**28


def test_a_gpu_has_memory_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimates, "physical_memory", lambda: 2**30)
    large = experiment(score_net={"batch_size": 100_000})
    with pytest.raises(ExperimentError, match=r"score_net\.batch_size"):
        refuse_too_large(large)
    refuse_too_large(replace(large, device="cuda"))
