"""The whole command on a folder of synthetic speech: document, page, and what is not scored."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from benchmarks.cli.app import main
from benchmarks.report.registry import AUTHORS_AUDIO
from benchmarks.results.authors_audio import AuthorsAudio
from benchmarks.studies.audio import authors
from synthetic.audio import in_process, write_audio_folder, write_manifest

GOOD, BAD, LATE = (f"page/a-1__{name}.wav" for name in ("good__8", "bad__", "late__"))


@pytest.mark.slow
def test_a_folder_is_scored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authors, "scoring_pool", lambda threads: nullcontext(in_process()))
    rows = write_audio_folder(tmp_path / "audio")
    out = tmp_path / "out"
    words = [str(tmp_path / "audio"), "--results", str(out), "--threads", "1"]
    assert main(["authors-audio", *words]) == 0
    said = capsys.readouterr()
    found = AuthorsAudio.read(out / AUTHORS_AUDIO)
    assert said.out == (out / "authors-audio.md").read_text()
    assert str(tmp_path) not in (out / AUTHORS_AUDIO).read_text() + said.out
    assert f"not scored: {LATE}: it has 27460 samples at 22050 Hz" in said.err

    assert [one.model_dump(exclude={"steps", "sample_rate", "samples"}) for one in found.files] == [
        {k: v for k, v in row.items() if k not in ("steps", "sample_rate", "samples")}
        for row in rows
    ]
    assert list(found.unscored) == [LATE]
    assert found.rates["pesq_nb_raw"] == found.rates["estoi"] == 16_000
    assert found.rates["mcd"] == found.rates["ls_mse"] == 22_050
    scores = {one.file: one for one in found.samples}
    assert scores[GOOD].scores.keys() == found.metrics.keys()
    assert scores[GOOD].reference == "page/a-1__reference__.wav"
    for metric, info in found.metrics.items():
        gain = scores[GOOD].scores[metric] - scores[BAD].scores[metric]
        assert (gain > 0) == info.higher_is_better, metric
    first, second = found.trajectory
    assert [file.steps for file, _ in found.trajectory] == [1, 2]
    assert first[1].clipped > second[1].clipped == 0
    assert first[1].unclipped is not None
    assert first[1].reference == "page/a-1__reference__.wav"  # of the other set


def test_a_damaged_file_is_refused_before_any_is_scored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = write_audio_folder(tmp_path)
    rows[-1]["samples"] = "7"
    write_manifest(tmp_path, rows)
    assert main(["authors-audio", str(tmp_path), "--results", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {tmp_path}/manifest.csv, column samples: steps/a-1__net-after")
    assert not (tmp_path / "out" / AUTHORS_AUDIO).exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--threads", "-1"], "--threads: -1 is below 0; give 0 or more"),
        ([], "no folder; name a folder with a manifest.csv"),
    ],
)
def test_options_that_cannot_be_used_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    place = ["--results", str(tmp_path / "out")]
    assert main(["authors-audio", str(tmp_path / "gone"), *place, *words]) == 2
    assert said in capsys.readouterr().err
