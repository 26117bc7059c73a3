"""A bundle is made, run where torch alone is, merged: the rows are those made in one place."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bddm_ref.files import sha256_of
from benchmarks.bundle.wheels import Target, closure
from benchmarks.cli.app import main
from benchmarks.results.schema import RunResults

TINY = """
training_schedule: {T: 12, start: 1.0e-3, end: 0.4}
conventions: [{name: raw, amplitude: 1.0}]
score_net:
  size: {width: 16, blocks: 1, encoder_width: 16, encoder_blocks: 1}
  amplitude: 1.0
  batch_size: 2
  draws: 2
  crop_frames: 16
  training: {steps: 4, learning_rate: 1.0e-3, ema_decay: 0.5, bf16: true}
schedule_net:
  tau: T/N
  batch_size: 2
  crop_frames: 16
  training: {steps: 2, learning_rate: 1.0e-3}
search:
  lengths: [2, 3]
  bins: 2
  tuned_bins: [2]
  clip_frames: 40
  finalists: 1
  finalist_items: 1
  refinements: 0
rows:
  - {contestant: bddm, steps: [2, 3], seeds: 1}
  - {contestant: ddpm, steps: [3, 12], seeds: 2}
reference: ddpm-12
test_items: 2
clip_frames: 60
timing: {document: none.json}
wav_items: 0
publish_weights: true
threads: 1
meaningless: true
"""
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
pytestmark = pytest.mark.slow


def recordings(folder: Path) -> None:
    folder.mkdir(parents=True)
    for i in range(24):
        t = np.arange(24_000) / 16_000
        voice = 0.1 * np.sin(2 * np.pi * (120 + 7 * i) * t) * (1 + np.sin(9 * t))
        noise = 0.01 * np.random.default_rng(i).normal(size=t.size)
        soundfile.write(folder / f"{i:02d}.wav", voice + noise, 16_000)


def bare_python(folder: Path) -> Path:
    """An interpreter that finds torch, numpy and what they need, and nothing else."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = folder / "lib" / f"python{HERE}" / "site-packages"
    for name in closure(["torch", "numpy"], Target(HERE)):
        try:
            files = importlib.metadata.distribution(name).files or []
        except importlib.metadata.PackageNotFoundError:
            continue  # of another platform
        for top in {file.parts[0] for file in files} - {"..", "__pycache__"}:
            source = Path(str(importlib.metadata.distribution(name).locate_file(top)))
            if source.exists() and not (site / top).exists():
                (site / top).symlink_to(source)
    return folder / "bin" / "python"


def without_network() -> list[str]:
    """A prefix of commands that takes the network from them, where the system allows it."""
    prefix = ["unshare", "--map-root-user", "--net"]
    try:
        allowed = subprocess.run([*prefix, "true"], capture_output=True, check=False)
    except OSError:
        return []
    return prefix if allowed.returncode == 0 else []


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an experiment, its bundle, and what the bundle's run gave back."""
    root = tmp_path_factory.mktemp("bundle")
    recordings(root / "voice" / "wavs")
    (root / "tiny.yaml").write_text(TINY)
    packed = root / "packed"
    arguments = ["--data", str(root / "voice"), "--to", str(packed), "--python", HERE]
    status = main(["bundle", str(root / "tiny.yaml"), *arguments])
    if status != 0 and not os.environ.get("CI"):
        pytest.skip("pip cannot fetch the wheels of a bundle here; the reason is above")
    assert status == 0
    there = root / "there"
    shutil.move(packed, there)  # nothing may depend on where it was made
    shutil.move(root / "voice", root / "elsewhere")
    arithmetic = ("ATEN_", "MKL_", "OMP_")  # must be the same there for equal bits
    environment = {k: v for k, v in os.environ.items() if k.startswith(arithmetic)} | {
        "PATH": os.environ["PATH"],
        "PYTHON": str(bare_python(root / "bare")),
        "HOME": str(root / "home"),
    }
    done = subprocess.run(
        [*without_network(), "sh", str(there / "run.sh")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    (root / "said").write_text(done.stderr)
    assert done.returncode == 0, done.stderr
    shutil.move(root / "elsewhere", root / "voice")
    return root


def test_what_the_other_machine_cannot_do_is_left_with_a_word(place: Path) -> None:
    said = (place / "said").read_text()
    assert "left: search (raw, tuned) and its rows: the package" in said
    assert "left: raw/bddm-2: it needs that search" in said
    assert "left: times and scores: they are made where the run goes on" in said
    assert "left: raw/ddpm" not in said


def test_rows_are_those_made_in_one_place(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, once = place / "work", place / "once"
    assert main(["merge", str(place / "there" / "back"), "--workspace", str(home)]) == 0
    said = capsys.readouterr().out
    assert "taken: score_net: 1 " in said
    assert "taken: schedule_net: 2 " in said
    assert "taken: sample: 4 " in said
    go_on = said.splitlines()[-1].removeprefix("go on with: python -m benchmarks run ")
    before = {path: path.read_bytes() for path in home.rglob("finished.json")}
    assert len(before) == 7
    for experiment, work, more in (
        (go_on, home, []),
        (str(place / "tiny.yaml"), once, ["--data", str(place / "voice")]),
    ):
        places = ["--workspace", str(work), "--results", str(work / "out"), *more]
        assert main(["run", experiment, *places]) == 0
    assert {path: path.read_bytes() for path in before} == before
    assert folders(home) == folders(once)
    items = [(work / "out" / "speech-items.jsonl.gz").read_bytes() for work in (home, once)]
    assert items[0] == items[1]
    results = RunResults.read(home / "out" / "speech.json")
    assert {row.key: row.skipped for row in results.rows if row.skipped} == {}
    assert all(row.time is None for row in results.rows)
    assert "Not timed" in (home / "out" / "speech.md").read_text()
    assert main(["check", str(home / "out")]) == 0
    kept = home / "out" / "weights" / "speech-score.safetensors"
    assert sha256_of(kept) == results.weights["score_net"]
    assert json.loads(kept.with_suffix(".json").read_text())["steps"] == 4


def folders(workspace: Path) -> set[str]:
    return {str(p.parent.relative_to(workspace)) for p in workspace.rglob("finished.json")}


def test_merging_again_changes_nothing(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work = place / "again"
    for _ in range(2):
        assert main(["merge", str(place / "there" / "back"), "--workspace", str(work)]) == 0
    said = capsys.readouterr().out
    assert said.count("taken: ") == 3
    assert said.count("already here: ") == 3
