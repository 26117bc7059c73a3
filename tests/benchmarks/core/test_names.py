"""One rule for names, one line for titles and reasons."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.contestants import CONTESTANTS
from benchmarks.core.errors import ExperimentError
from benchmarks.core.loading import load, names
from benchmarks.core.names import (
    LONGEST_NAME,
    LONGEST_TITLE,
    as_file_stem,
    is_name,
    one_line,
    printable,
    refuse_name,
    same_title,
    title_fault,
)

BAD = [
    "", ".", "..", "../up", "../../../up", "/etc/passwd", "a/b", "a\\b", "-x", "_x", ".hidden",
    "a.", "a b", "a\n", "a\tb", "Ä", "r\u0430w", "\uff52\uff41\uff57", "con", "nul.txt", "lpt1",
    "com9", "a|b", "a`b", "<b>", "a\x1b[31m", "a\u202eb", "x" * (LONGEST_NAME + 1), "C:", "~",
    "$HOME", "a*", "²", "٣",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD, ids=ascii)
def test_names_that_could_do_harm(name: str) -> None:
    assert not is_name(name)
    with pytest.raises(ExperimentError, match="is no name; give a name of at most 60") as told:
        refuse_name(name, "conventions")
    assert str(told.value).startswith("conventions: '")
    assert str(told.value).isprintable()


@pytest.mark.parametrize("name", ["raw", "bddm-7", "a", "0", "gaussian-16-error", "v1.2", "a_b"])
def test_plain_names(name: str) -> None:
    assert is_name(name)


def test_every_name_of_the_project_keeps_the_rule() -> None:
    assert all(is_name(name) for name in (*names(), *CONTESTANTS))
    conventions = [one.name for name in names() for one in load(name).conventions]
    assert all(is_name(name) for name in conventions)
    assert [one.title for one in CONTESTANTS.values() if title_fault(one.title)] == []


@pytest.mark.parametrize("stem", ["my run", "a|b", "..", "con", "\u0440\u0443"])
def test_the_file_of_an_experiment_has_a_name(tmp_path: Path, stem: str) -> None:
    path = tmp_path / f"{stem}.yaml"
    path.write_text("track: speech")
    with pytest.raises(ExperimentError, match="is no name"):
        load(str(path))


def test_the_file_of_an_experiment_may_have_capitals(tmp_path: Path) -> None:
    path = tmp_path / "MyRun.yaml"
    path.write_text("track: speech")
    assert load(str(path)).track == "speech"


@pytest.mark.parametrize(
    ("text", "stem"),
    [
        ("DiffWave_GALR", "DiffWave_GALR"),
        ("BDDM-1.5", "BDDM-1.5"),
        ("epoch=10 step=500", "epoch-10-step-500"),
        ("..", "imported"),
        ("con", "imported"),
        ("\u0440", "imported"),
        ("a" * 70, "a" * 60),
        ("../a/b", "a-b"),
    ],
)
def test_stems_of_written_files(text: str, stem: str) -> None:
    assert as_file_stem(text) == stem


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\nb", "a b"),
        ("  a \t b\r\n", "a b"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("a\u202eb", "a\\u202eb"),
        ("a\u2028b", "a b"),
        ("a\x00b\x7f\x9b", "a\\x00b\\x7f\\x9b"),
        ("\udcff", "\\udcff"),
        ("α κ é 漢", "α κ é 漢"),
        ("x" * 400, "x" * 299 + "…"),
    ],
)
def test_one_line(text: str, line: str) -> None:
    assert one_line(text) == line
    assert line.isprintable()


def test_line_breaks_and_tabs_stay_in_longer_output() -> None:
    assert printable("a\n\tb\x1b[2J\rc") == "a\n\tb\\x1b[2J\\rc"


@pytest.mark.parametrize(
    ("title", "fault"),
    [
        ("", "has no letter and no digit"),
        ("—", "has no letter and no digit"),
        ("x" * (LONGEST_TITLE + 1), "has 81 characters, more than 80"),
        ("a\nb", "line breaks, control characters or repeated spaces"),
        ("a  b", "repeated spaces"),
        (" a", "repeated spaces"),
        ("\x1b[31mred", "control characters"),
        ("a\u202eb", "control characters"),
    ],
)
def test_titles_that_no_table_can_hold(title: str, fault: str) -> None:
    told = title_fault(title)
    assert told is not None
    assert fault in told
    assert told.isprintable()


def test_titles_that_read_alike() -> None:
    assert same_title("BDDM", "bddm")
    assert same_title("BDDM", "\uff22\uff24\uff24\uff2d")
    assert not same_title("BDDM", "BDDM, from α_T")
