"""The page of published audio: means, trajectory, clips, and what is missing."""

from __future__ import annotations

from benchmarks.report.markdown import to_markdown
from benchmarks.report.pages.authors_audio import REPORTED_OF, authors_audio_page
from benchmarks.results.authors_audio import AuthorsAudio
from synthetic.audio import audio_file, authors_audio, scored_audio


def page_of(document: AuthorsAudio) -> str:
    return to_markdown(authors_audio_page(document))


def test_sources_means_and_clips_are_shown() -> None:
    page = page_of(authors_audio())
    assert "| `page` | `someone/a-page` | `cccccccccccc` | 9 | 9 FLOAT, 22050 Hz |" in page
    assert "PESQ-NB (raw), STOI at 16000 Hz; LS-MSE at 22050 Hz." in page
    assert "| Clips | System | n | PESQ-NB (raw) ↑ | STOI ↑ | LS-MSE ↓ |" in page
    line = "| `a-*` | `net-8` | 3 | 3.10 [2.85, 3.35] | 0.620 [0.570, 0.670] | 69.0 [66.5, 71.5] |"
    assert line in page
    assert "| `a-1` | `net-8` | FLOAT | 0 | 3.20 | 0.640 | 68.0 |" in page
    assert "One or two clips are an indication." in page
    assert "## Along the reverse steps" not in page
    assert "## Not scored" not in page
    assert "- commit `abcdef000000` (tree clean), 2026-01-02T03:04:05+00:00, on a processor" in page


def test_recordings_that_were_clipped_are_named() -> None:
    document = authors_audio()
    assert "Recordings that were clipped" not in page_of(document)
    loud = document.samples[0].model_copy(update={"reference_clipped": 7})
    page = page_of(document.model_copy(update={"samples": [loud]}))
    assert "Recordings that were clipped:\n\n- `page/a-0-reference-None.wav`: 7 samples\n" in page


def test_two_clips_have_no_interval() -> None:
    page = page_of(authors_audio({"net-8": [3.0, 3.2]}))
    assert "| `a-*` | `net-8` | 2 | 3.10 | 0.620 | 69.0 |" in page


def test_the_trajectory_stands_beside_the_papers_values() -> None:
    system, clip = REPORTED_OF
    reference = audio_file("diffwave", clip, "reference")
    steps = [audio_file("trajectory", clip, system, step) for step in (7, 1)]
    loud = {"clipped": 39, "unclipped": {"pesq_nb_raw": 0.5, "stoi": 0.4, "ls_mse": 3333.0}}
    samples = [
        scored_audio(steps[0], reference, 4.0),
        scored_audio(steps[1], reference, 1.0, **loud),
    ]
    changes = {"files": [reference, *steps], "samples": samples, "means": []}
    page = page_of(authors_audio(**changes))
    first = "| 1 | 1.00 (0.64) | 0.200 (0.405) | 90.0 (3393) | 39 |\n"
    last = "| 7 | 4.00 (4.02) | 0.800 (0.984) | 60.0 (77.2) | 0 |\n"
    assert first + last in page
    assert "\n- step 1: PESQ-NB (raw) 0.50, STOI 0.400, LS-MSE 3333.0\n" in page
    assert "- step 7" not in page

    other = audio_file("trajectory", clip, "net-after-step", 1)
    changes = {"files": [reference, other], "samples": [scored_audio(other, reference, 1.0)]}
    page = page_of(authors_audio(means=[], **changes))
    assert "| 1 | 1.00 | 0.200 | 90.0 | 0 |" in page
    assert "without clipping" not in page


def test_what_has_no_score_is_named_with_the_reason() -> None:
    document = authors_audio()
    lost = {"scores": {"stoi": 0.5, "ls_mse": 1.0}, "failures": {"pesq_nb_raw": "PESQ | failed."}}
    one = document.samples[0].model_copy(update=lost)
    page = page_of(document.model_copy(update={"samples": [one, *document.samples[1:]]}))
    assert "| `a-0` | `net-8` | FLOAT | 0 | — | 0.500 | 1.0 |" in page
    assert "\n- `page/a-0-net-8.wav`, PESQ-NB (raw): PESQ \\| failed.\n" in page
    rest = {"samples": document.samples[1:], "unscored": {one.file: "it is too long"}}
    page = page_of(document.model_copy(update=rest))
    assert "## Not scored\n\n- `page/a-0-net-8.wav`: it is too long.\n" in page
