"""The ledger of a results folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bddm_ref.files import DamagedFileError
from benchmarks.claims import claim as files
from benchmarks.claims.ledger import check_ledger, write_ledger
from benchmarks.cli.app import main
from benchmarks.results.schema import RunResults
from benchmarks.runtime import checkout
from synthetic.pairs import student
from synthetic.runs import CREATED, PESQ, speech, write_run


def sampled(**values: float) -> RunResults:
    """A run of three trainings and searches; ``values`` are means of STOI by convention."""
    found = speech({name: PESQ[name] for name in values})
    rows = []
    for row in found.rows:
        stoi = student(values[row.convention], 0.01)
        update = {"metrics": row.metrics | {"stoi": stoi}, "repeats": 3}
        rows.append(row.model_copy(update=update))
    return found.model_copy(update={"rows": rows})


def the_claim(place: Path) -> dict[str, Any]:
    (claim,) = json.loads((place / "claims.json").read_text())["claims"]
    found: dict[str, Any] = claim
    return found


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, claim_text: str) -> Path:
    """A results folder with the speech track alone, and claims of its own."""
    write_run(tmp_path, sampled(scaled=0.94, raw=0.95))
    folder = tmp_path / "claims"
    folder.mkdir()
    (folder / "1-a.yaml").write_text(claim_text)
    monkeypatch.setattr(files, "FOLDER", folder)
    return tmp_path


def test_the_ledger_follows_from_the_results(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["claims", str(place)]) == 0
    page = capsys.readouterr().out
    assert page == (place / "claims.md").read_text()
    claim = the_claim(place)
    tests = claim["primary"]["tests"]
    assert [test["verdict"] for test in tests] == ["holds", "holds", "not made"]
    assert tests[0]["measured"] == "0.9400 [0.9191, 0.9609]"
    assert tests[2]["measured"] == "speech.json has no row none/bddm-3"
    assert claim["verdict"] == "open"  # one of its tests could not be made
    assert claim["extensions"][0]["verdict"] == "holds"
    assert claim["figures"][0]["ours"] == "0.950 [0.929, 0.971] (`raw/bddm-3`, 2026-01-02)"
    assert claim["results"] == {"speech.json": CREATED}
    assert "last changed since" in page  # no commit has this file
    assert "The file last changed after `speech.json` was made." in page
    assert main(["check", str(place)]) == 0
    assert "1 claims follow from the results" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("scaled", "raw", "verdict", "extension", "fails"),
    [
        (0.9, 0.9, "holds", "holds", []),
        (0.9, 0.1, "holds in part", "does not hold", ["primary (raw)", "other (7)"]),
        (0.1, 0.1, "does not hold", "does not hold", ["other (7)"]),
        (0.9, 0.5, "open", "open", []),
    ],
)
def test_the_primary_setting_alone_decides(
    place: Path,
    claim_text: str,
    scaled: float,
    raw: float,
    verdict: str,
    extension: str,
    fails: list[str],
) -> None:
    (place / "claims" / "1-a.yaml").write_text(claim_text.replace(", none]", "]"))
    write_run(place, sampled(scaled=scaled, raw=raw))
    write_ledger(place)
    claim = the_claim(place)
    assert claim["verdict"] == verdict
    assert [one["verdict"] for one in claim["extensions"]] == [extension]
    assert claim["fails"] == fails


def test_a_figure_without_a_result_says_why(place: Path, claim_text: str) -> None:
    quoted = "row: raw/bddm-3, metric: stoi}"
    for new, told in (
        ("row: raw/bddm-3, metric: rtf}", "not made: raw/bddm-3 has no rtf"),
        ("row: raw/bddm-3, metric: kl}", "not made: raw/bddm-3 has no kl"),
        ("row: raw/bddm-5, metric: stoi}", "not made: speech.json has no row raw/bddm-5"),
        ("row: raw/bddm-3, metric: speedup}", "333.3 [316.7, 350.0] (`raw/bddm-3`, 2026-01-02)"),
    ):
        assert quoted in claim_text
        (place / "claims" / "1-a.yaml").write_text(claim_text.replace(quoted, new))
        write_ledger(place)
        assert the_claim(place)["figures"][0]["ours"] == told


@pytest.mark.parametrize(
    ("log", "status", "dates"),
    [
        ("2026-03-03\n2026-01-01", "", ("2026-01-01", "2026-03-03")),
        ("2026-03-03\n2026-01-01", " M 1-a.yaml", ("2026-01-01", None)),
        (None, None, (None, None)),
    ],
    ids=["committed", "changed", "no checkout"],
)
def test_a_claims_file_has_the_dates_of_its_commits(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    log: str | None,
    status: str | None,
    dates: tuple[str | None, str | None],
) -> None:
    answers = {"log": log, "status": status}
    monkeypatch.setattr(checkout, "git", lambda command, *arguments: answers[command])
    if log is not None:  # the page compares them with those of the results
        answers["log"] = log.replace("\n", "T00:00:00+00:00\n") + "T00:00:00+00:00"
    write_ledger(place)
    (claim,) = json.loads((place / "claims.json").read_text())["claims"]
    found = [None if day is None else day[:10] for day in (claim["first"], claim["last"])]
    assert found == [*dates]
    assert check_ledger(place)


def test_a_changed_margin_is_noticed_even_if_no_verdict_moves(place: Path) -> None:
    write_ledger(place)
    before = json.loads((place / "claims.json").read_text())["claims"][0]["file_sha256"]
    file = place / "claims" / "1-a.yaml"
    file.write_text(file.read_text() + "# another text, the same tests\n")
    with pytest.raises(DamagedFileError, match="make it again with 'claims'"):
        check_ledger(place)
    write_ledger(place)
    after = json.loads((place / "claims.json").read_text())["claims"][0]
    assert after["file_sha256"] != before
    assert check_ledger(place)


def test_results_that_came_later_are_noticed(place: Path) -> None:
    write_ledger(place)
    write_run(place, sampled(raw=0.95))  # without the other convention
    with pytest.raises(DamagedFileError, match="is not what the results say"):
        check_ledger(place)


def test_a_folder_that_is_not_there_is_not_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["claims", str(tmp_path / "typo")]) == 2
    assert "typo is no folder of results" in capsys.readouterr().err
    assert not (tmp_path / "typo").exists()


def test_a_contestant_is_no_option_of_a_results_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["claims", str(tmp_path), "--contestant", "mine.py:Mine"])
    assert "Unrecognized options: --contestant" in capsys.readouterr().err
