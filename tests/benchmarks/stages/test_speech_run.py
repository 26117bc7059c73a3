"""The command line end to end, on a tiny experiment over synthetic recordings."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from benchmarks.cli.app import main
from benchmarks.results.store import read_results

TINY = """
training_schedule: {T: 20, start: 1.0e-4, end: 0.3}
score_net:
  size: {width: 16, blocks: 1, encoder_width: 16, encoder_blocks: 1}
  batch_size: 2
  crop_frames: 16
  training: {steps: 6, learning_rate: 1.0e-3, ema_decay: 0.5, bf16: true}
schedule_net: {tau: 6, batch_size: 2, crop_frames: 16, training: {steps: 4, learning_rate: 1.0e-3}}
search:
  lengths: [2, 3]
  bins: 3
  clip_frames: 40
  finalists: 1
  finalist_items: 1
  refinements: 1
rows:
  - {contestant: bddm, steps: [2, 3, 19], seeds: 2}
  - {contestant: ddpm, steps: [3], seeds: 2}
  - {contestant: ddpm, steps: [20], seeds: 1}
reference: ddpm-20
test_items: 2
clip_frames: 60
batch_items: 1
timing: {rounds: 2, rounds_long: 1}
meaningless: true
"""


def voice(seed: int) -> np.ndarray:
    """Two seconds of a gliding harmonic sum with syllables."""
    t = np.arange(32_000) / 16_000
    phase = 2 * np.pi * np.cumsum(110 + 5 * seed + 15 * np.sin(2 * np.pi * t)) / 16_000
    harmonics = sum(np.sin(k * phase) / k for k in range(1, 20))
    noise = np.random.default_rng(seed).normal(size=t.size)
    return 0.1 * harmonics * (0.55 + 0.45 * np.sin(8 * np.pi * t)) + 0.003 * noise


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with recordings, an experiment, and one finished run of it."""
    root = tmp_path_factory.mktemp("run")
    (root / "wavs").mkdir()
    for i in range(24):
        soundfile.write(root / "wavs" / f"{i:02d}.wav", voice(i), 16_000)
    (root / "tiny.yaml").write_text(TINY)
    assert call(root, "run") == 0
    return root


def call(root: Path, command: str, *extra: str) -> int:
    places = ["--data", str(root), "--workspace", str(root / "work")]
    return main([command, str(root / "tiny.yaml"), *places, "--results", str(root / "out"), *extra])


pytestmark = pytest.mark.slow


def test_results_hold_every_row(place: Path) -> None:
    results = read_results(place / "out" / "speech.json")
    rows = {row.key: row for row in results.rows}
    assert len(rows) == 10
    for row in rows.values():
        if row.contestant == "bddm" and row.skipped:
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
    assert results.data["splits"] == {"train": 20, "valid": 2, "test": 2}
    assert len(results.weights) == 3


def test_table_says_what_it_is(place: Path) -> None:
    table = (place / "out" / "speech.md").read_text()
    assert "these figures mean nothing" in table
    assert "| BDDM | 19 | 0 | the search found no schedule of 19 steps |" in table
    assert "step ratio" in table.lower()


def test_check_accepts_it_and_refuses_what_was_altered(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out"
    shutil.copytree(place / "out", folder)
    assert main(["check", str(folder)]) == 0
    assert "checksums, schema and table agree" in capsys.readouterr().out
    table = folder / "speech.md"
    table.write_text(table.read_text().replace("| BDDM |", "| BDDM! |"))
    assert main(["check", str(folder)]) == 2
    assert "is not the table of speech.json" in capsys.readouterr().err
    (folder / "speech.json").write_text("{}")
    assert main(["check", str(folder)]) == 2
    assert "does not match its checksum" in capsys.readouterr().err


def figures(results: Path) -> list[dict[str, Any]]:
    items = gzip.decompress((results / "speech-items.jsonl.gz").read_bytes())
    return [json.loads(line) for line in items.splitlines()]


def test_a_second_run_finds_everything_done(place: Path) -> None:
    before = figures(place / "out")
    states = {p: p.stat().st_mtime_ns for p in (place / "work").rglob("finished.json")}
    assert call(place, "run") == 0
    assert {p: p.stat().st_mtime_ns for p in (place / "work").rglob("finished.json")} == states
    assert figures(place / "out") == before


def test_the_same_seed_reproduces_every_score(place: Path) -> None:
    before = figures(place / "out")
    for stage in ("sample", "score"):
        shutil.rmtree(place / "work" / stage)
    assert call(place, "run") == 0
    assert figures(place / "out") == before


def test_another_seed_changes_them(place: Path, tmp_path: Path) -> None:
    arguments = ["--seed", "7", "--results", str(tmp_path / "out")]
    assert call(place, "score", *arguments) == 0
    assert not (tmp_path / "out").exists()  # 'score' ends before the report
    seeds = {p.parent.name for p in (place / "work" / "sample").glob("*/finished.json")}
    assert len(seeds) > len(figures(place / "out")) / 2


def test_predicted_mos_adds_columns_and_recordings_and_scores_nothing_again(
    place: Path, tmp_path: Path
) -> None:
    pytest.importorskip("distillmos")
    before = {p: p.stat().st_mtime_ns for p in (place / "work").rglob("finished.json")}
    asked = ["--predicted-mos", "distillmos", "--results", str(tmp_path)]
    assert call(place, "run", *asked, "--threads", "1") == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    results = read_results(tmp_path / "speech.json")
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
    place: Path, stage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    victims = {
        path: path.read_bytes()
        for path in (place / "work" / stage).rglob("*")
        if path.suffix in (".safetensors", ".json", ".jsonl") and path.name != "finished.json"
    }
    for path, content in victims.items():
        path.write_bytes(content[:-1])
    try:
        assert call(place, "run") == 2
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
