"""The sub-commands import and export on schedules, and what both refuse, from the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bddm_ref.files import sha256_of, write_listed
from bddm_ref.schedule import NoiseSchedule
from benchmarks.cli.app import main
from benchmarks.core.rows import RowKey
from benchmarks.results import forms
from benchmarks.results.schema import RunResults

BETAS = [1e-4, 0.01, 0.3]  # those of the fixture
Run = Callable[..., str]


def test_schedules_there_and_back(run: Run, betas: Path, tmp_path: Path) -> None:
    said = run("export", betas, "--as", "ns", "--to", tmp_path / "3.ns")
    assert "steps3_0.9.json: a schedule of 3 steps" in said
    assert "betas are rounded to float32" in said
    said = run("import", tmp_path / "3.ns", "--to", tmp_path / "out")
    assert "a schedule of 3 steps; t counts T = 200, beta 0.0001 to 0.02" in said
    assert "     3           0.3    0.832" in said
    assert "self-check  the written file gives the same schedule" in said
    found = NoiseSchedule.from_json((tmp_path / "out" / "3.json").read_text())
    assert found.betas == tuple(torch.tensor(BETAS).double().tolist())


def test_export_for_diffusers(run: Run, betas: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(betas.parent)
    said = run("export", betas, "--as", "diffusers")
    assert "steps       of the training schedule T = 1000, beta 0.0001 to 0.02" in said
    document = json.loads(Path("runs/exported/steps3_0.9-diffusers.json").read_text())
    assert document["scheduler"]["trained_betas"] == BETAS
    assert len(document["timesteps"]) == 3
    assert "exists with other" in run(
        "export", betas, "--as", "diffusers", "--training", "released", status=2
    )


@pytest.mark.parametrize("counted", ["released", "wavegrad"])
def test_a_file_of_steps_goes_to_other_steps(
    run: Run, betas: Path, tmp_path: Path, counted: str
) -> None:
    """What the steps of the file count need not be what the steps written count."""
    file = tmp_path / "3.ns"
    run("export", betas, "--as", "ns", "--to", file, "--training", counted)
    named = () if counted == "released" else ("--training", counted)
    said = run("export", file, "--as", "diffusers", "--to", tmp_path / "d.json", *named)
    wanted = "T = 1000, beta 0.0001 to 0.02" if not named else "T = 1000, beta 1e-06 to 0.01"
    assert f"steps       of the training schedule {wanted}" in said
    document = json.loads((tmp_path / "d.json").read_text())
    assert document["scheduler"]["trained_betas"] == pytest.approx(BETAS, rel=1e-7)
    if named:
        assert "is not the step of alpha_1" in run("export", file, "--as", "json", status=2)


def test_export_as_json(run: Run, betas: Path, tmp_path: Path) -> None:
    said = run("export", betas, "--as", "json", "--to", tmp_path / "b.json")
    assert "written" in said
    assert "of the training schedule" not in said
    assert NoiseSchedule.from_json((tmp_path / "b.json").read_text()).betas == tuple(BETAS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["import", "absent.pkl"], "absent.pkl does not exist"),
        (["import", "absent.ns"], "absent.ns does not exist"),
        (["export", "absent.pkl", "--as", "released"], "absent.pkl does not exist"),
        (["export", "absent.pkl", "--as", "ns"], "absent.pkl does not exist"),
        (["export", "absent.ns", "--as", "ns", "--training", "dpm"], "--training: none of relea"),
    ],
)
def test_refusals(run: Run, arguments: list[str], message: str) -> None:
    assert message in run(*arguments, status=2)


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("file/x.ns", "file is a file, not a folder; name another place by --to"),
        ("folder", "folder is a folder; name another file by --to"),
        ("taken.ns", "taken.ns.sha256 exists without its file; remove the checksum"),
        ("/proc/none/x.ns", "/proc/none/x.ns cannot be written: No such file or directory"),
    ],
)
def test_places_that_cannot_be_written(
    run: Run, betas: Path, monkeypatch: pytest.MonkeyPatch, to: str, message: str
) -> None:
    monkeypatch.chdir(betas.parent)
    Path("file").write_text("mine")
    Path("folder").mkdir()
    Path("taken.ns.sha256").write_text("mine")
    assert message in run("export", betas, "--as", "ns", "--to", to, status=2)
    assert Path("file").read_text() == Path("taken.ns.sha256").read_text() == "mine"


def test_a_schedule_that_is_not_what_its_checksum_says(run: Run, betas: Path) -> None:
    betas.with_name(f"{betas.name}.sha256").write_bytes(b"\xff\x00")
    assert "has no usable checksum in steps3_0.9.json.sha256" in run("import", betas, status=2)
    betas.with_name(f"{betas.name}.sha256").write_text("0" * 64)
    assert "does not match its checksum" in run("import", betas, status=2)


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """The document of a run with three rows, of which one lists no schedule."""
    rows = {"raw/bddm-3": BETAS, "raw/bddm-frugal-3": [0.01, 0.02, 0.03], "raw/ddpm-1000": None}
    document = RunResults.model_validate(
        {
            "kind": "run",
            "schema_version": 2,
            "track": "speech",
            "meaningless": True,
            "experiment": {},
            "experiment_sha256": "0",
            "created": "2026-01-01",
            "provenance": {
                **dict.fromkeys(("commit", "tree", "cores")),
                **dict.fromkeys(("python", "system", "processor", "device"), "none"),
                "packages": {},
                "threads": 1,
            },
            "data": {"name": "d", "sha256": "0", "splits": {}, "test_items": []},
            "weights": {"score_net": "0"},
            "wall_seconds": {},
            "clip_seconds": 1.0,
            "metrics": {},
            "reference": "ddpm-1000",
            "network": None,
            "machine_busy": False,
            "rows": [_row(RowKey.parse(key), betas) for key, betas in rows.items()],
            "comparisons": [],
            "costs": [],
            "items_sha256": "0",
        }
    )
    return document.write(tmp_path / "speech.json")


def _row(key: RowKey, betas: list[float] | None) -> dict[str, object]:
    return {
        "key": str(key),
        "convention": key.convention,
        "contestant": key.contestant,
        "title": key.contestant,
        "role": "bddm",
        "search": "paper",
        "compared": True,
        "steps": key.steps,
        "nfe": key.steps,
        "seeds": 1,
        "skipped": None,
        "metrics": {},
        "n_scored": {},
        "n_total": 0,
        "betas": betas,
        "time": None,
    }


def test_a_row_of_a_run_goes_out_and_in_unchanged(
    run: Run, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(published.parent)
    said = run("export", "speech.json:raw/bddm-frugal-3", "--as", "json")
    assert "speech.json:raw/bddm-frugal-3: a schedule of 3 steps" in said
    exported = Path("runs/exported/speech-raw-bddm-frugal-3.json").read_text()
    assert NoiseSchedule.from_json(exported).betas == (0.01, 0.02, 0.03)
    said = run("import", f"{published}:raw/bddm-3", "--to", "in")
    assert "self-check  the written file gives the same schedule" in said
    imported = Path("in/speech-raw-bddm-3.json").read_text()
    assert NoiseSchedule.from_json(imported).betas == tuple(BETAS)


@pytest.fixture
def compressed(published: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same document, compressed."""
    monkeypatch.setattr(forms, "COMPRESSED_FROM", 1)
    return RunResults.read(published).write(published)


@pytest.mark.parametrize("name", ["speech.json", "speech.json.gz"])
@pytest.mark.usefixtures("compressed")
def test_a_row_of_a_compressed_run(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    said = run("export", f"{name}:raw/bddm-frugal-3", "--as", "json")
    assert "speech.json.gz:raw/bddm-frugal-3: a schedule of 3 steps" in said
    exported = Path("runs/exported/speech-raw-bddm-frugal-3.json").read_text()
    assert NoiseSchedule.from_json(exported).betas == (0.01, 0.02, 0.03)
    said = run("import", f"{name}:raw/bddm-3", "--to", "in")
    assert f"speech.json.gz:raw/bddm-3, sha256 {sha256_of(Path('speech.json.gz'))}" in said
    imported = Path("in/speech-raw-bddm-3.json").read_text()
    assert NoiseSchedule.from_json(imported).betas == tuple(BETAS)


@pytest.mark.parametrize("name", ["speech.json", "speech.json.gz"])
def test_compressed_runs_that_give_no_schedule(run: Run, compressed: Path, name: str) -> None:
    file = compressed.with_name(name)
    said = run("export", file, "--as", "ns", status=2)
    assert "speech.json.gz holds many schedules; name a row, as " in said
    said = run("export", f"{file}:raw/bddm-4", "--as", "ns", status=2)
    assert "speech.json.gz has no row 'raw/bddm-4' (did you mean 'raw/bddm-3'?)" in said
    write_listed(compressed, lambda path: path.write_bytes(b"text"))
    for row in ("", ":raw/bddm-3"):
        said = run("export", f"{file}{row}", "--as", "ns", status=2)
        assert said == f"error: {compressed} is no gzip file, or a damaged one; restore it\n"
    compressed.with_name("speech.json").write_text("{}")
    said = run("export", f"{file}:raw/bddm-3", "--as", "ns", status=2)
    assert "speech.json and speech.json.gz are two forms of one document" in said


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("", "speech.json holds many schedules; name a row, as "),
        (":raw/bddm-4", "speech.json has no row 'raw/bddm-4' (did you mean 'raw/bddm-3'?)"),
        (":", "speech.json has no row ''"),
        (":raw/ddpm-1000", "speech.json lists no schedule of the row 'raw/ddpm-1000'"),
    ],
)
def test_rows_that_hold_no_schedule(run: Run, published: Path, row: str, message: str) -> None:
    assert message in run("export", f"{published}{row}", "--as", "ns", status=2)


def test_rows_of_other_files(run: Run, betas: Path, published: Path) -> None:
    said = run("export", f"{betas}:raw/bddm-3", "--as", "ns", status=2)
    assert "steps3_0.9.json is not the document of a run, and has no row 'raw/bddm-3'" in said
    published.write_text(published.read_text().replace("0.3", "0.4"))
    said = run("export", f"{published}:raw/bddm-3", "--as", "ns", status=2)
    assert "does not match its checksum in SHA256SUMS" in said


def test_a_file_whose_name_has_a_colon_is_no_row(run: Run, betas: Path) -> None:
    file = betas.rename(betas.with_name("a.json:b.json"))
    said = run("export", file, "--as", "ns", "--to", f"{file}.ns")
    assert "a.json:b.json: a schedule of 3 steps" in said


def test_a_listed_file_is_verified_when_read(run: Run, betas: Path) -> None:
    betas.with_name("SHA256SUMS").write_text(f"{'0' * 64}  {betas.name}\n")
    assert "does not match its checksum in SHA256SUMS" in run("import", betas, status=2)


@pytest.mark.slow
def test_whoever_reads_the_output_may_stop(betas: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks", "import", betas],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (told.returncode, told.stderr) == (1, "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["import"], "Missing from python -m benchmarks import"),
        (["export", "a.ns"], "--as {released,ns,json,diffusers}"),
        (["export", "a.ns", "--as", "mp3"], "invalid choice 'mp3'"),
    ],
)
def test_wrong_options(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("form", ["list", "tensor", "dictionary"])
def test_pickled_betas_from_the_command_line(run: Run, tmp_path: Path, form: str) -> None:
    betas = torch.tensor([3e-6, 5e-4, 0.04, 0.5], dtype=torch.float64)
    content = {"list": [*betas], "tensor": betas, "dictionary": {"betas": betas, "id": 7}}[form]
    torch.save(content, tmp_path / "found.pt")
    said = run("import", tmp_path / "found.pt", "--to", tmp_path / "out")
    assert "a schedule of 4 steps" in said
    assert ("entries that were not read: id (7)" in said) == (form == "dictionary")
    assert json.loads((tmp_path / "out" / "found.json").read_text())["betas"] == betas.tolist()
    said = run("export", tmp_path / "found.pt", "--as", "ns", "--to", tmp_path / "a.ns")
    assert "found.pt: a schedule of 4 steps" in said


def test_a_scheduler_that_ends_at_zero_is_refused(run: Run, tmp_path: Path) -> None:
    config = {"_class_name": "DDIMScheduler", "trained_betas": [0.01, 0.1, 0.4]}
    path = tmp_path / "zero.json"
    path.write_text(json.dumps(config | {"rescale_betas_zero_snr": True, "clip_sample": False}))
    said = run("import", path, "--to", tmp_path, status=2)
    assert "zero.json: rescale_betas_zero_snr makes the last alpha of DDIMScheduler 0" in said
    path.write_text(json.dumps(config | {"prediction_type": "v_prediction"}))
    said = run("import", path, "--to", tmp_path / "out")
    assert "note        prediction_type is 'v_prediction', and this project's networks" in said
