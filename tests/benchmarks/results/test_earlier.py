"""A run does not replace the tables of another experiment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.core.errors import UserError
from benchmarks.core.experiment import Experiment
from benchmarks.core.identity import as_dict
from benchmarks.core.loading import load
from benchmarks.results.earlier import refuse_another
from benchmarks.runtime.checkout import REPOSITORY
from synthetic.runs import speech, write_run
from synthetic.studies import network_theory

TINY = Experiment()


def write(folder: Path, name: str | None, experiment: Experiment = TINY) -> Path:
    """Write the document of a run of an experiment."""
    changes = {} if name is None else {"experiment_name": name}
    write_run(folder, speech(**changes).model_copy(update={"experiment": as_dict(experiment)}))
    return folder / "speech.json"


def test_an_empty_folder_takes_anything(tmp_path: Path) -> None:
    assert refuse_another(tmp_path / "no" / "speech.json", "run", "tiny", TINY) is None


def test_an_earlier_run_of_the_same_fields_is_replaced(tmp_path: Path) -> None:
    place = write(tmp_path, "tiny")
    assert refuse_another(place, "run", "tiny", TINY) is None
    assert refuse_another(place, "run", "tiny", replace(TINY, threads=4, device="cuda")) is None


def test_other_fields_of_the_same_experiment_are_told(tmp_path: Path) -> None:
    place = write(tmp_path, "tiny")
    searched = replace(TINY, seed=7, search=replace(TINY.search, bins=4))
    assert refuse_another(place, "run", "tiny", searched) == (
        f"{tmp_path} holds the tables of an earlier run of tiny with other fields "
        "(search.bins 9, now 4, seed 2021, now 7); this run replaces them"
    )
    added = replace(TINY, contestants={"mine": "a.py:Mine"})
    said = refuse_another(place, "run", "tiny", added)
    assert said is not None
    assert 'contestants.mine null, now "a.py:Mine"' in said
    many = replace(searched, data="x", test_items=3, wav_items=0, clip_frames=80)
    said = refuse_another(place, "run", "tiny", many)
    assert said is not None
    assert "and 2 more" in said


@pytest.mark.parametrize("name", ["other", None])
def test_another_experiment_is_refused(tmp_path: Path, name: str | None) -> None:
    place = write(tmp_path, name)
    told = "the experiment other" if name else "an experiment of unknown name"
    said = rf"{tmp_path} holds the tables of {told} \(speech\.json\), and tiny would replace"
    with pytest.raises(UserError, match=said):
        refuse_another(place, "run", "tiny", TINY)


def test_another_kind_of_document_is_refused(tmp_path: Path) -> None:
    document = network_theory().model_copy(update={"experiment_name": "tiny"})
    document.write(tmp_path / "images.json")
    assert refuse_another(tmp_path / "images.json", "network theory", "tiny", TINY) is None
    with pytest.raises(UserError, match=r"the experiment tiny \(images\.json\)"):
        refuse_another(tmp_path / "images.json", "run", "tiny", TINY)


@pytest.mark.parametrize("content", ["", "{", "[]", "no JSON"])
def test_a_file_that_cannot_be_read_is_told_and_replaced(tmp_path: Path, content: str) -> None:
    place = tmp_path / "speech.json"
    place.write_text(content)
    said = refuse_another(place, "run", "tiny", TINY)
    assert said == f"{place} cannot be read; this run replaces it"


@pytest.mark.parametrize(
    ("document", "kind", "name"),
    [
        ("speech.json", "run", "cpu-full"),
        ("contestants/long/images.json", "run", "contestants-images-long"),
        ("theory/theory.json", "theory", "analytic"),
    ],
)
def test_published_documents_without_a_name_are_of_the_experiment_that_publishes_there(
    document: str, kind: str, name: str
) -> None:
    place = REPOSITORY / "results" / document
    refuse_another(place, kind, name, load(name))
    with pytest.raises(UserError, match=f"holds the tables of the experiment {name} "):
        refuse_another(place, kind, "cpu", load("cpu"))
