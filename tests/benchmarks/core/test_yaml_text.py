"""YAML of users means one thing, or is refused with the line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.core.errors import ExperimentError
from benchmarks.core.yaml_text import DEEPEST, LONGEST_FILE, read_yaml


def read(tmp_path: Path, text: str | bytes) -> Any:
    path = tmp_path / "mine.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_yaml(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-6", 1e-6),
        ("1E5", 1e5),
        ("+.5e3", 500.0),
        ("-3", -3),
        ("12_000", 12000),
        ("012", "012"),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("yes", "yes"),
        ("off", "off"),
        ("on", "on"),
        ("n", "n"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        (".inf", float("inf")),
        ("0x10", 16),
        ("=", "="),
        ("1.0.0", "1.0.0"),
        ("'1e-6'", "1e-6"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(tmp_path: Path, text: str, value: object) -> None:
    found = read(tmp_path, f"a: {text}\n")["a"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "line 3: the key 'a' is there twice, first in line 1; keep one"),
        ("x:\n  a: 1\n  'a': 2", "line 3: the key 'a' is there twice, first in line 2"),
        ("- {b: 1, b: 1}", "line 1: the key 'b' is there twice"),
        ("a: &a {x: 1}\nb: {<<: *a, <<: *a}", "line 2: the key '<<' is there twice"),
        ("a: &a [*a]", "line 1: the value contains itself"),
        ("a: &a {b: {c: *a}}", "line 1: the value contains itself"),
        ("? [a, b]\n: 1", "line 1: a list or mapping is no field's name"),
        ("", "is empty; it must hold a mapping"),
        ("# nothing\n", "is empty"),
        ("\ta: 1", "line 1, .*indent by spaces, not by tabs"),
        ("a:\n\t- 1", "line 2, .*indent by spaces, not by tabs"),
        ("a: [", "is no YAML"),
        ("a: 1\n---\nb: 1", "is no YAML: expected a single document"),
        ("a: \x1b[31m", "is no YAML: unacceptable character #x001b"),
        ("!!int x", "is no YAML: invalid literal"),
        ("a: !!python/object/apply:os.getcwd []", "is no YAML: could not determine a constructor"),
        ("[" * (DEEPEST + 1), f"nested more than {DEEPEST} deep"),
        ("{a: " * 3000, f"nested more than {DEEPEST} deep"),
        (b"a: \xff\xfe", "is no YAML: 'utf-8' codec .*; save it as UTF-8"),
        ("#" * (LONGEST_FILE + 1), f"has more than {LONGEST_FILE} bytes"),
    ],
)
def test_what_means_nothing_or_two_things(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(ExperimentError, match=message) as told:
        read(tmp_path, text)
    assert "mine.yaml" in str(told.value)
    assert str(told.value).isprintable()


def test_aliases_are_read_and_bounded(tmp_path: Path) -> None:
    assert read(tmp_path, "a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: *a") == {
        "a": {"x": 1},
        "b": {"x": 1, "y": 2},
        "c": {"x": 1},
    }
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    with pytest.raises(ExperimentError, match="more than 100000 values with all aliases"):
        read(tmp_path, "\n".join(lines))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.yaml", tmp_path, tmp_path / "nul\0.yaml"):
        with pytest.raises(ExperimentError, match="cannot be read"):
            read_yaml(path)


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbfa: 1") == {"a": 1}
