"""The document of published audio: its means, its look-ups, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from benchmarks.results.authors_audio import AuthorsAudio, system_means
from metrics.statistics import mean_interval
from synthetic.audio import INFOS, audio_file, authors_audio, scored_audio

REFERENCE = audio_file("page", "lj-1", "reference")


def test_a_document_survives_a_round_trip(tmp_path: Path) -> None:
    document = authors_audio()
    document.write(tmp_path / "authors-audio.json")
    assert AuthorsAudio.read(tmp_path / "authors-audio.json") == document


def test_means_are_of_one_set_corpus_and_system() -> None:
    clips = ["lj-1", "lj-2", "lj-3", "vctk-1", "vctk-2", "alone"]
    files = [audio_file("page", clip, "net", 8) for clip in clips]
    files += [audio_file("other", "lj-1", "net", 8), audio_file("page", "lj-1", "net", 16)]
    files.append(audio_file("page", "lj-1", "net-after-step", 1))
    samples = [scored_audio(one, REFERENCE, 2.0 + i**2) for i, one in enumerate(files)]
    lost = {"scores": {"stoi": 0.5, "ls_mse": 1.0}, "failures": {"pesq_nb_raw": "It failed."}}
    samples[3] = scored_audio(files[3], REFERENCE, 0.0, **lost)
    found = {
        (one.set, one.clips, one.system): one for one in system_means(files, samples, list(INFOS))
    }
    assert {key: one.n for key, one in found.items()} == {
        ("page", "lj-*", "net-8"): 3,
        ("page", "vctk-*", "net-8"): 2,
        ("page", "*", "net-8"): 1,
        ("other", "lj-*", "net-8"): 1,
        ("page", "lj-*", "net-16"): 1,
    }
    three = found["page", "lj-*", "net-8"].metrics["pesq_nb_raw"]
    wanted = mean_interval([2.0, 3.0, 6.0])
    assert (three.value, three.low, three.high) == (wanted.value, wanted.low, wanted.high)
    two = found["page", "vctk-*", "net-8"].metrics
    assert (two["stoi"].n, two["pesq_nb_raw"].n) == (2, 1)  # one clip has no PESQ
    assert (two["pesq_nb_raw"].value, two["pesq_nb_raw"].low) == (18.0, None)


def test_scores_are_found_by_set_pattern_and_system() -> None:
    document = authors_audio({"net-8": [3.0, 3.2], "other-1000": [3.5]})
    assert document.scores("page", "*", "net-8", "pesq_nb_raw") == {"a-0": 3.0, "a-1": 3.2}
    assert document.scores("page", "*-1", "net-8", "pesq_nb_raw") == {"a-1": 3.2}
    assert document.scores("page", "*", "other-1000", "ls_mse") == {"a-0": 65.0}
    assert document.scores("pages", "*", "net-8", "pesq_nb_raw") == {}
    assert document.scores("page", "*", "net", "pesq_nb_raw") == {}


def without_a_sample(fields: dict[str, Any]) -> None:
    fields["samples"] = fields["samples"][1:]


def sample_twice(fields: dict[str, Any]) -> None:
    fields["unscored"] = {fields["samples"][0]["file"]: "too long"}


def other_reference(fields: dict[str, Any]) -> None:
    fields["samples"][0]["reference"] = fields["samples"][1]["file"]


def lost_score(fields: dict[str, Any]) -> None:
    del fields["samples"][0]["scores"]["stoi"]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (without_a_sample, "must be scored or unscored, once"),
        (sample_twice, "must be scored or unscored, once"),
        (other_reference, r"page/a-0-net-8\.wav: its reference page/a-1-net-8\.wav is no record"),
        (lost_score, r"page/a-0-net-8\.wav: each metric must have a score or a reason"),
    ],
)
def test_a_document_that_contradicts_itself_is_refused(spoil: Any, said: str) -> None:
    fields = authors_audio().model_dump()
    AuthorsAudio.model_validate(fields)
    spoil(fields)
    with pytest.raises(ValidationError, match=said):
        AuthorsAudio.model_validate(fields)
