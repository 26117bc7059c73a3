"""The command line end to end, on a tiny experiment over synthetic recordings."""

from __future__ import annotations

import dataclasses
import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from bddm_ref.files import sha256_of
from benchmarks.cli.app import main
from benchmarks.data.splits import by_hash
from benchmarks.results.examples import examples_of
from benchmarks.results.schema import RunResults
from synthetic.recordings import voice, write


@pytest.fixture
def run(tiny_run: Callable[[str], Any]) -> Any:
    """The finished tiny run."""
    return tiny_run("speech")


@pytest.fixture
def place(run: Any) -> Path:
    """The folder of the finished tiny run."""
    return Path(run.root)


pytestmark = pytest.mark.slow


def test_results_hold_every_row(place: Path) -> None:
    results = RunResults.read(place / "out" / "speech.json")
    rows = {row.key: row for row in results.rows}
    assert len(rows) == 14
    for row in rows.values():
        if row.role == "bddm" and row.skipped:
            continue
        assert row.nfe == row.steps
        assert row.n_total == 2 * row.seeds
        assert row.metrics["stoi"].n == 2
        assert row.time is not None
        assert row.time.step_ratio == pytest.approx(20 / row.steps)
    # The search has no schedule of 19 steps: a row that says why.
    assert rows["raw/bddm-19"].skipped == "the search found no schedule of 19 steps"
    assert rows["raw/ddpm-20"].seeds == 1
    assert results.meaningless
    assert results.data.splits == {"train": 20, "valid": 2, "test": 2}
    # T/N is 10 and 6 for the lengths of 2 and 3; each has two trainings in each convention.
    assert len(results.weights) == 1 + 2 * 2 * 2


def test_each_seed_of_a_searched_row_has_its_own_schedule(place: Path) -> None:
    results = RunResults.read(place / "out" / "speech.json")
    rows = {row.id.name: row for row in results.rows if row.convention == "raw"}
    for name in ("bddm-2", "bddm-literal-3"):
        schedules = rows[name].schedules or []
        assert [one.repeat for one in schedules] == [0, 1]
        assert schedules[0].betas == rows[name].betas
        assert schedules[1].betas != schedules[0].betas
        assert all((one.start or {})["tau"] in (10, 6) for one in schedules)
        assert all(one.complete is not None for one in schedules)
    assert {(one.start or {})["tau"] for one in rows["bddm-literal-3"].schedules or []} == {6}
    assert rows["ddpm-3"].schedules is None


def test_claimed_rows_are_timed_in_many_rounds_with_their_reference(place: Path) -> None:
    results = RunResults.read(place / "out" / "speech.json")
    rounds = {row.key: row.time.rounds for row in results.rows if row.time is not None}
    assert rounds["raw/ddpm-3"] == rounds["raw/ddpm-20"] == 3
    assert rounds["scaled/ddpm-3"] == rounds["scaled/ddpm-20"] == 2
    assert results.encoder is not None
    assert results.encoder.rounds == 3
    for row in results.rows:
        if row.key == "raw/ddpm-20":
            continue
        if row.time is not None and row.contestant == "ddpm" and row.steps == 3:
            ratio, with_encoder = row.time.speedup, row.time.speedup_with_encoder
            assert ratio is not None
            assert with_encoder is not None
            assert ratio.n == with_encoder.n == row.time.rounds
            assert ratio.df == ratio.n - 1
            assert with_encoder.value < ratio.value  # both samplers have the encoder's time
            assert row.time.power is not None


def heard(path: Path) -> np.ndarray:
    """The 16-bit steps of an audio file."""
    return soundfile.read(path, dtype="int16")[0].astype(int)


def test_clips_of_all_conventions_and_their_denoising_are_kept(place: Path) -> None:
    document = place / "out" / "speech.json"
    results = RunResults.read(document)
    found, clips = examples_of(document, results), results.data.test_items
    assert list(found.recordings) == clips
    for convention in ("raw", "scaled"):
        for clip in clips:
            names = [one.row.name for one in found.clips_in(convention, clip)]
            assert names == ["bddm-2", "bddm-3", "ddpm-3", "ddpm-20"]
    assert {str(one.row) for one in found.denoising} == {"raw/bddm-3", "scaled/bddm-3"}
    for one in found.denoising:
        (sample,) = (
            heard(clip.path)
            for clip in found.clips_in(one.row.convention, clips[0])
            if clip.row == one.row
        )
        assert one.clip == clips[0]
        levels = [estimate.level for estimate in one.estimates]
        assert levels == sorted(levels)
        assert 0 < levels[0] < levels[-1] < 1
        first, _, last = (heard(estimate.path) for estimate in one.estimates)
        # The same start noise: the last estimate is the sample, apart from rounding.
        assert abs(last - sample).max() <= 1
        assert abs(first - sample).max() > 1
    assert main(["check", str(place / "out")]) == 0


def test_table_says_what_it_is(place: Path) -> None:
    table = (place / "out" / "speech.md").read_text()
    assert "these figures mean nothing" in table
    assert "| BDDM | 19 | 0 | none |" in table
    assert "- `bddm-19`: the search found no schedule of 19 steps\n" in table
    assert "step ratio" in table.lower()


def test_check_accepts_it_and_refuses_what_was_altered(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out"
    shutil.copytree(place / "out", folder)
    assert main(["check", str(folder)]) == 0
    assert "checksum, schema and page agree" in capsys.readouterr().out
    table = folder / "speech.md"
    table.write_text(table.read_text().replace("| BDDM |", "| BDDM! |"))
    assert main(["check", str(folder)]) == 2
    assert "is not the page of speech.json" in capsys.readouterr().err
    (folder / "speech.json").write_text("{}")
    assert main(["check", str(folder)]) == 2
    assert "does not match its checksum" in capsys.readouterr().err


def figures(results: Path) -> list[dict[str, Any]]:
    items = gzip.decompress((results / "speech-items.jsonl.gz").read_bytes())
    return [json.loads(line) for line in items.splitlines()]


def test_a_second_run_finds_everything_done(run: Any, place: Path) -> None:
    before = figures(place / "out")
    states = {p: p.stat().st_mtime_ns for p in (place / "work").rglob("finished.json")}
    assert run.call("run") == 0
    assert {p: p.stat().st_mtime_ns for p in (place / "work").rglob("finished.json")} == states
    assert figures(place / "out") == before


def test_the_same_seed_reproduces_every_score(run: Any, place: Path) -> None:
    before = figures(place / "out")
    for stage in ("sample", "score"):
        shutil.rmtree(place / "work" / stage)
    assert run.call("run") == 0
    assert figures(place / "out") == before


def test_another_test_recording_trains_and_searches_nothing_anew(
    run: Any, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(place, tmp_path / "copy")
    copy = dataclasses.replace(run, root=tmp_path / "copy")
    names = by_hash(f"{i:02d}" for i in range(24))

    def stages() -> dict[str, int]:
        return {s: len(list((copy.root / "work" / s).iterdir())) for s in ("score_net", "search")}

    before = stages()
    victim = copy.root / "data" / f"{names[0]}.wav"
    victim.write_bytes(b"<html>404</html>")
    assert copy.call("run") == 2
    assert f"error: 1 of 24 recordings cannot be used: {victim} is not" in capsys.readouterr().err
    write(victim, voice(99, 2.0))
    assert copy.call("search") == 0
    assert stages() == before
    write(copy.root / "data" / f"{names[-1]}.wav", voice(98, 2.0))
    assert copy.call("train") == 0
    assert stages() == before | {"score_net": before["score_net"] + 1}


def test_another_seed_changes_every_sample(run: Any, place: Path, tmp_path: Path) -> None:
    def samples() -> dict[Path, str]:
        files = (place / "work" / "sample").glob("*/samples.*")
        return {file: sha256_of(file) for file in files}

    before = samples()
    assert run.call("score", "--seed", "7", "--results", str(tmp_path / "out")) == 0
    assert not (tmp_path / "out").exists()  # 'score' ends before the report
    rows = RunResults.read(place / "out" / "speech.json").rows
    new = {file: digest for file, digest in samples().items() if file not in before}
    assert not set(new.values()) & set(before.values())
    assert len(new) == sum(row.seeds for row in rows if row.skipped is None)


def test_predicted_mos_adds_columns_and_recordings_and_scores_nothing_again(
    run: Any, place: Path, tmp_path: Path
) -> None:
    pytest.importorskip("distillmos")
    before = {p: p.stat().st_mtime_ns for p in (place / "work").rglob("finished.json")}
    asked = ["--predicted-mos", "distillmos", "--results", str(tmp_path)]
    assert run.call("run", *asked, "--threads", "1") == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    results = RunResults.read(tmp_path / "speech.json")
    predicted = {"distillmos_predicted"}
    assert predicted < set(results.metrics)
    assert set(results.floors) == {"2"}
    assert set(results.floors["2"]) == predicted
    kept = [{**record, "scores": without(record, predicted)} for record in figures(tmp_path)]
    assert [record for record in kept if record["row"] != "recordings"] == figures(place / "out")
    assert "| *Recordings* | — | — | 2 / 2 | — |" in (tmp_path / "speech.md").read_text()
    assert main(["check", str(tmp_path)]) == 0


def without(record: dict[str, Any], names: set[str]) -> dict[str, float]:
    return {name: score for name, score in record["scores"].items() if name not in names}


@pytest.mark.parametrize("stage", ["score_net", "search", "sample", "score"])
def test_a_damaged_file_is_refused_and_left(
    run: Any, place: Path, stage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    victims = {
        path: path.read_bytes()
        for path in (place / "work" / stage).rglob("*")
        if path.suffix in (".safetensors", ".json", ".jsonl") and path.name != "finished.json"
    }
    for path, content in victims.items():
        path.write_bytes(content[:-1])
    try:
        assert run.call("run") == 2
        said = capsys.readouterr().err.splitlines()[-1]
        assert said.startswith("error: ")
        assert any(str(path) in said for path in victims)
        assert all(path.read_bytes() == content[:-1] for path, content in victims.items())
    finally:
        for path, content in victims.items():
            path.write_bytes(content)


def test_mistakes_on_the_command_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["run", "cpuu"]) == 2
    assert "did you mean 'cpu'" in capsys.readouterr().err
    assert main(["data", "cpu", "--data", str(tmp_path / "none")]) == 2
    assert "is not a folder" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["run", "cpu", "--sarch.bins", "3"])


def test_the_name_of_an_experiment_is_no_results_folder(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["check", "cpu"]) == 2
    assert "cpu holds no results (*.json); give a results folder" in capsys.readouterr().err


def test_dry_run_prints_the_resolved_experiment(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "cpu", "--dry-run", "--search.bins", "5"]) == 0
    printed = capsys.readouterr().out
    assert "bins: 5" in printed
    assert "track: speech" in printed


def test_the_code_of_each_stage_has_every_function_that_ran(run: Any) -> None:
    assert run.unaccounted == set()
