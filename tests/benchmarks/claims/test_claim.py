"""The files of claims: those that ship, and what their readers refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.claims.claim import MOST_PRIMARY, read_claims
from benchmarks.core.errors import ExperimentError
from benchmarks.core.loading import load, names
from benchmarks.core.rows import rows_of
from benchmarks.studies.speed.random_nets import NAMES


def test_shipped_claims_are_read_and_numbered() -> None:
    found = read_claims()
    assert len(found) >= 18
    assert [name.split("-")[0] for name in found] == [claim.number for claim in found.values()]
    numbers = [claim.number for claim in found.values()]
    assert numbers.index("2a") < numbers.index("9a") < numbers.index("10")
    for claim in found.values():
        assert 1 <= len(claim.primary.tests) <= MOST_PRIMARY
        for test in claim.tests:
            assert "{" not in f"{test.asked}{test.command}"


def test_shipped_claims_quote_the_papers_where_they_report_a_figure() -> None:
    without = {number.number for number in read_claims().values() if not number.figures}
    assert without == {"9b", "9c", "10", "11"}  # questions of this suite


def test_shipped_claims_ask_for_rows_that_their_commands_make() -> None:
    rows = {name: {row.key for row in rows_of(load(name))} for name in names()}
    missing = set()
    asked = 0
    for claim in read_claims().values():
        for test in claim.tests:
            command, name, *_ = test.command.split()
            if command == "authors-audio":
                continue
            if command == "speed":
                assert getattr(test, "network", None) in NAMES
                continue
            assert command in {"run", "theory"}
            keys = [getattr(test, field, None) for field in ("row", "against")]
            asked += len(keys)
            missing |= {
                f"{name}: {key}" for key in keys if key and key not in rows.get(name, set())
            }
            missing |= {name} - rows.keys()
    assert asked > 100
    assert not missing, sorted(missing)


def test_one_line_stands_for_many_tests(tmp_path: Path, claim_text: str) -> None:
    (tmp_path / "1-a.yaml").write_text(claim_text)
    (claim,) = read_claims(tmp_path).values()
    assert [test.row for test in claim.primary.tests] == [  # type: ignore[union-attr]
        "scaled/bddm-3", "raw/bddm-3", "none/bddm-3",
    ]  # fmt: skip
    assert [test.label for test in claim.primary.tests] == ["scaled", "raw", "none"]
    assert len(claim.tests) == 4


FOUR = "{c: [scaled, raw, none, more]}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("bound: 0.5}", "bond: 0.5}", r"1-a\.yaml: primary\.tests\.0\.at_least\.bound"),
        ("{kind: at_least,", "{kind: atleast,", r"1-a\.yaml: primary\.tests\.0: .*'atleast'"),
        ("source", "sauce", r"1-a\.yaml: source: Field required"),
        ("{c: [scaled, raw, none]}", "{c: raw}", r"1-a\.yaml: 'for' must map"),
        ("{c: [scaled, raw, none]}", "{q: [raw]}", r"1-a\.yaml: 'for' names no 'c'"),
        ("{c: [scaled, raw, none]}", FOUR, r"primary: .*1 to 3 tests decide a claim, not 4"),
        ('label: "{c}", ', "", r"primary: .*each primary test needs a label of its own"),
        ('label: "{c}"', "label: same", r"primary: .*needs a label of its own"),
        ("fixed: 2026-01-01", "fixed: today", r"1-a\.yaml: fixed"),
        ("seen: true", "seen: perhaps", r"1-a\.yaml: seen"),
        ("statement: s", f"statement: {'s' * 45}", r"1-a\.yaml: statement: .*44 characters"),
        ("each: {", "each: at_least # {", r"1-a\.yaml: 'each' must map"),
        ("tests:\n      - {bound", "nothing:\n      - {bound", r"extensions\.0\.tests: Field req"),
        ("raw/bddm-7", "bddm7", r"extensions\.0\.tests\.0\.at_least\.row: .*is no row"),
        ("number:", "number: [", "cannot be read as YAML"),
    ],
)
def test_a_file_that_is_no_claim(
    tmp_path: Path, claim_text: str, old: str, new: str, message: str
) -> None:
    assert old in claim_text
    (tmp_path / "1-a.yaml").write_text(claim_text.replace(old, new, 1))
    with pytest.raises(ExperimentError, match=message):
        read_claims(tmp_path)


def test_extensions_have_names_of_their_own(tmp_path: Path, claim_text: str) -> None:
    extension = claim_text[claim_text.index("  - name: other") :]
    (tmp_path / "1-a.yaml").write_text(claim_text + extension)
    with pytest.raises(ExperimentError, match="two extensions have the name 'other'"):
        read_claims(tmp_path)


def test_words_are_no_claim(tmp_path: Path) -> None:
    (tmp_path / "1-a.yaml").write_text("just words")
    with pytest.raises(ExperimentError, match=r"1-a\.yaml: "):
        read_claims(tmp_path)
