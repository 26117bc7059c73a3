"""Sections to listen and to look: what they carry, what they leave out, and what they say of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bddm_ref.files import DamagedFileError
from benchmarks.report.html.clip_scores import ClipScores
from benchmarks.report.html.parts import part_html
from benchmarks.report.html.players import players_of
from benchmarks.report.html.section import Section
from benchmarks.report.html.sections import images, speech
from benchmarks.report.html.sections.distributions import distributions_section
from benchmarks.results.examples import examples_of
from benchmarks.results.folder import ResultsFolder
from benchmarks.results.schema import RunResults
from synthetic import runs
from synthetic.media import grids, of_two_distributions, points, publish_with_files, sounds

OWN = "my-sampler"


def html_of(section: Section | None) -> str:
    assert section is not None
    return "\n".join(map(part_html, section.parts))


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> ResultsFolder:
    """A run of speech with its audio, and with a user's own sampler."""
    table = {name: {**rows, OWN: {7: 2.7}} for name, rows in runs.PESQ.items() if name == "raw"} | {
        "scaled": runs.PESQ["scaled"]
    }
    results = runs.speech(table, clip_seconds=1.0)
    folder = tmp_path_factory.mktemp("spoken")
    publish_with_files(folder, results, dict(sounds(results)))
    return ResultsFolder(folder)


def test_a_player_has_every_sampler_and_the_users_own_in_both_conventions(spoken):
    text = html_of(speech.speech_section(spoken))
    takes = re.findall(r'data-take="([^"]+)"', text)
    assert takes.count("recording") == 3  # two clips, and the denoising of the first
    for key in ("raw/bddm-3", "scaled/ddpm-1000", "raw/my-sampler-7"):
        assert takes.count(key) == 2
    assert takes.count("scaled/after-7") == 1
    assert "Here are 2 of the 4 clips that were scored, in" in text
    assert 'aria-label="my-sampler, 7 steps"' in text
    assert text.count("<audio controls") == len(takes)
    assert text.count('src="data:audio/flac;base64,') == len(takes)
    assert text.count('src="data:image/png;base64,') == len(takes)


def test_scores_are_those_of_the_clip_at_the_first_seed(spoken, tmp_path):
    results = runs.speech()
    records = list(runs.records_of(results))
    mine = [
        record
        for record in records
        if record["row"] == "raw/bddm-7" and record["item"] == runs.CLIPS[1]
    ]
    mine[0]["scores"] = {"pesq_wb_lqo": 1.25, "stoi": None}
    path = runs.write_run(tmp_path, results, list(reversed(records)))
    scores = ClipScores(path, RunResults.read(path))
    row = results.rows[0].id.__class__("raw", "bddm", 7)
    assert scores.of(row, runs.CLIPS[1]) == (("PESQ-WB (LQO) ↑", "1.25"), ("STOI ↑", "—"))
    assert scores.of(row, runs.CLIPS[0]) == (("PESQ-WB (LQO) ↑", "2.90"), ("STOI ↑", "0.958"))
    assert scores.of(row, "no clip") == ()


def test_players_beyond_the_room_are_left_out_and_named(spoken, monkeypatch):
    document, run = spoken.run_to_show("speech")
    found = list(players_of(run, examples_of(document, run), ClipScores(document, run)))
    assert [player.name for player in found] == ["clip-1", "denoising-1", "clip-2"]
    monkeypatch.setattr(speech, "ROOM", found[0].size + found[1].size)
    text = html_of(speech.speech_section(spoken))
    assert f"Left out, since the page has room for {speech.ROOM / 1e6:.0f} MB" in text
    assert "<code>Clip clip-1</code>" in text
    assert len(re.findall('class="player"', text)) == 2


def test_an_altered_sound_is_refused(spoken, tmp_path):
    results = runs.speech(clip_seconds=1.0)
    publish_with_files(tmp_path, results, dict(sounds(results)))
    file = tmp_path / "recordings" / "clip-1.png"
    file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(DamagedFileError, match=r"clip-1\.png"):
        speech.speech_section(ResultsFolder(tmp_path))


def test_audio_of_an_earlier_version_is_played_without_spectrograms(tmp_path):
    results = runs.speech(clip_seconds=1.0, experiment={"wav_items": 1})
    (tmp_path / "wav").mkdir()
    for name in ("recording", "bddm-3", "ddpm-1000"):
        (tmp_path / "wav" / f"clip-0-{name}.wav").write_bytes(b"RIFF")
    runs.write_run(tmp_path, results)
    text = html_of(speech.speech_section(ResultsFolder(tmp_path)))
    assert text.count('src="data:audio/wav;base64,') == 3
    assert speech.WITHOUT_PICTURES in text
    assert "kept no audio of" in text


def test_names_of_users_are_no_markup(tmp_path):
    results = runs.speech(clip_seconds=1.0)
    rows = [
        row.model_copy(update={"title": "<img src=x>"}) if row.contestant == "ddim" else row
        for row in results.rows
    ]
    results = results.model_copy(update={"rows": rows})
    publish_with_files(tmp_path, results, dict(sounds(results)))
    text = html_of(speech.speech_section(ResultsFolder(tmp_path)))
    assert "<img src=x>" not in text
    assert "&lt;img src=x&gt;" in text


def test_a_smoke_run_is_shown_and_called_so(tmp_path):
    results = runs.images(meaningless=True, experiment={"meaningless": True})
    publish_with_files(tmp_path, results, dict(grids(results)))
    assert "its figures mean nothing" in html_of(images.images_section(ResultsFolder(tmp_path)))


def test_grids_stand_by_sampler_with_distances(tmp_path, monkeypatch):
    results = runs.images()
    publish_with_files(tmp_path, results, dict(grids(results)))
    folder = ResultsFolder(tmp_path)
    text = html_of(images.images_section(folder))
    assert text.count("<img") == 1 + len(results.rows) + 7
    assert "FD-fmnist ↓ 20.00 [19.00, 21.00]" in text
    assert text.index("Test images") < text.index("DDPM, linear sub-sequence, 1000 steps")
    heads = re.findall(r'<label for="images-1-\d">([^<]+)</label>', text)
    assert heads[0] == "BDDM, a list for each item"
    assert "BDDM" not in heads
    monkeypatch.setattr(images, "ROOM", 3_000)
    assert "MB of grids. Left out:" in html_of(images.images_section(ResultsFolder(tmp_path)))


def test_densities_are_drawn_with_the_distances_of_each_row(tmp_path):
    results = of_two_distributions()
    publish_with_files(tmp_path, results, dict(points(results)))
    folder = ResultsFolder(tmp_path)
    text = html_of(distributions_section(folder))
    assert text == html_of(distributions_section(ResultsFolder(tmp_path)))
    assert text.count("<svg") == 2 + len(results.rows)
    assert text.count("Energy distance ↓ 0.0700 [0.0600, 0.0800]") >= 2
    dots = re.findall(r'<path d="([^"]*)"[^>]*stroke-linecap: round', text)
    assert {len(re.findall("M", path)) for path in dots} == {50}
    assert len(dots) == 1 + len(results.rows) // 2  # of the plane
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("track", ["speech", "images", "analytic"])
def test_a_run_without_examples_has_no_section(tmp_path: Path, track: str) -> None:
    made = getattr(runs, track)(experiment={"wav_items": 0, "grid_items": 0})
    runs.write_run(tmp_path, made.model_copy(update={"files": {}}))
    section = {
        "speech": speech.speech_section,
        "images": images.images_section,
        "analytic": distributions_section,
    }[track]
    assert section(ResultsFolder(tmp_path)) is None
    assert section(ResultsFolder(tmp_path / "empty")) is None
