"""The ledger, and the claims that ship."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bddm_ref.files import DamagedFileError
from benchmarks.claims import ledger as claims
from benchmarks.claims.ledger import check_ledger, overall, read_claims, write_ledger
from benchmarks.cli.app import main
from benchmarks.core.errors import ExperimentError
from benchmarks.core.loading import load, names
from benchmarks.core.rows import rows_of
from benchmarks.runtime import checkout
from benchmarks.studies.speed.random_nets import NAMES
from synthetic.runs import CREATED, PESQ, speech, write_run


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["reproduced", "not reproduced", "undecided"], "not reproduced"),
        (["reproduced", "undecided"], "undecided"),
        (["reproduced", "not tested here"], "undecided"),
        (["not reproduced", "not tested here"], "not reproduced"),
        (["not tested here"], "not tested here"),
        ([], "not tested here"),
    ],
)
def test_one_failure_refutes_a_claim(verdicts: list[str], expected: str) -> None:
    assert overall(verdicts) == expected  # type: ignore[arg-type]


def test_shipped_claims_are_read_and_numbered() -> None:
    found = read_claims()
    assert len(found) >= 9
    assert [name.split("-")[0] for name in found] == [claim.number for claim in found.values()]
    assert all(claim.tests or claim.not_tested for claim in found.values())
    numbers = [claim.number for claim in found.values()]
    assert numbers.index("2a") < numbers.index("9a") < numbers.index("10")
    for claim in found.values():
        for test in claim.tests:
            assert "{" not in test.asked


def test_shipped_claims_ask_for_rows_that_their_commands_make() -> None:
    tests = [test for claim in read_claims().values() for test in claim.tests]
    rows = {name: {row.key for row in rows_of(load(name))} for name in names()}
    asked = 0
    for test in tests:
        command, name, *_ = test.command.split()
        if command == "speed":
            assert getattr(test, "network", None) in NAMES
            continue
        assert command in {"run", "train", "theory"}
        assert name in rows
        for field in ("row", "against"):
            if (key := getattr(test, field, None)) is not None:
                assert key in rows[name], test.asked
                asked += 1
    assert asked > 100


CLAIM = """
number: "1"
statement: s
source: x
reported: r
reading: y
tests:
  - kind: at_least
    level: analytic
    command: c
    results: speech
    row: "{c}/bddm-3"
    metric: stoi
    bound: 0.5
    for: {c: [scaled, raw, none]}
"""


def test_one_line_stands_for_many_tests(tmp_path: Path) -> None:
    (tmp_path / "1-a.yaml").write_text(CLAIM)
    (claim,) = read_claims(tmp_path).values()
    assert [test.row for test in claim.tests] == ["scaled/bddm-3", "raw/bddm-3", "none/bddm-3"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CLAIM.replace("bound", "bond"), r"1-a\.yaml: tests\.0\.at_least\.bound"),
        (CLAIM.replace("at_least", "atleast"), r"1-a\.yaml: tests\.0: .*'atleast'"),
        (CLAIM.replace("source", "sauce"), r"1-a\.yaml: source"),
        (CLAIM.replace("{c: [scaled, raw, none]}", "{c: raw}"), r"1-a\.yaml: 'for' must map"),
        (CLAIM.replace("{c: [", "{q: ["), r"1-a\.yaml: 'for' names no 'c'"),
        ("number: [", "cannot be read as YAML"),
        ("just words", r"1-a\.yaml: "),
    ],
)
def test_a_file_that_is_no_claim(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "1-a.yaml").write_text(text)
    with pytest.raises(ExperimentError, match=message):
        read_claims(tmp_path)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A results folder with the speech track alone, and claims of its own."""
    write_run(tmp_path, speech())
    folder = tmp_path / "claims"
    folder.mkdir()
    (folder / "1-a.yaml").write_text(CLAIM)
    monkeypatch.setattr(claims, "FOLDER", folder)
    monkeypatch.setattr(claims, "read_claims", lambda: read_claims(folder))
    return tmp_path


def test_the_ledger_follows_from_the_results(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["claims", str(place)]) == 0
    page = capsys.readouterr().out
    assert page == (place / "claims.md").read_text()
    (claim,) = json.loads((place / "claims.json").read_text())["claims"]
    assert [test["verdict"] for test in claim["tests"]] == [
        "reproduced", "reproduced", "not tested here",
    ]  # fmt: skip
    assert claim["tests"][0]["measured"] == "0.9460 [0.9440, 0.9480]"
    assert claim["tests"][2]["measured"] == "speech.json has no row none/bddm-3"
    assert claim["verdict"] == "undecided"  # one of its tests could not be made
    assert claim["results"] == {"speech.json": CREATED}
    assert "last changed since" in page  # no commit has this file
    assert "The file last changed after `speech.json` was made." in page
    assert main(["check", str(place)]) == 0
    assert "1 claims follow from the results" in capsys.readouterr().out


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
    file.write_text(CLAIM + "# another text, the same tests\n")
    with pytest.raises(DamagedFileError, match="make it again with 'claims'"):
        check_ledger(place)
    write_ledger(place)
    after = json.loads((place / "claims.json").read_text())["claims"][0]
    assert after["file_sha256"] != before
    assert check_ledger(place)


def test_results_that_came_later_are_noticed(place: Path) -> None:
    write_ledger(place)
    worse = {"raw": PESQ["raw"]}  # without the other convention
    write_run(place, speech(worse))
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
