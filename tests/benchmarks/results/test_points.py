"""Points of known distributions: equal bytes, read back, refused where damaged."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bddm_ref.files import DamagedFileError, verify_checksum
from benchmarks.results.points import Axis, ConventionPoints, read_points, write_points

CONTENT: dict[str, Any] = {
    "convention": "ring",
    "distribution": "ring-16",
    "dimensions": 16,
    "coordinates": [1, 2],
    "data": [[0.5, -1.25], [1e-9, 3.0]],
    "rows": [{"key": "ring/bddm-3", "seed": 0, "points": [[0.1, 0.2]]}],
    "density": {
        "axes": [{"low": -1, "high": 1, "count": 2}, {"low": 0, "high": 1, "count": 3}],
        "values": [0, 1, 2, 3, 4, 5],
    },
}


def test_points_are_read_back_and_equal_points_are_equal_files(tmp_path: Path) -> None:
    points = ConventionPoints(**CONTENT)
    for name in ("a.json.gz", "b.json.gz"):
        write_points(tmp_path / name, points)
        assert read_points(tmp_path / name) == points
        verify_checksum(tmp_path / name)
    assert (tmp_path / "a.json.gz").read_bytes() == (tmp_path / "b.json.gz").read_bytes()


def test_an_axis_has_both_ends() -> None:
    assert Axis(low=-1, high=2, count=4).values == [-1, 0, 1, 2]


@pytest.mark.parametrize(
    "change",
    [
        {"coordinates": [1]},
        {"data": [[0.5]]},
        {"rows": [{"key": "ring/bddm-3", "seed": 0, "points": [[0.1, 0.2, 0.3]]}]},
        {"density": CONTENT["density"] | {"values": [0, 1]}},
        {"density": {"axes": CONTENT["density"]["axes"][:1], "values": [0, 1]}},
        {"schema_version": 2},
    ],
)
def test_content_that_does_not_fit_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ConventionPoints(**(CONTENT | change))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no gzip", "is no gzip file"),
        # Without the time: workers of pytest-xdist must name the case alike.
        (gzip.compress(b'{"kind": "points"}', mtime=0), "holds no points of"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "ring.json.gz").write_bytes(content)
    with pytest.raises(DamagedFileError, match=rf"ring\.json\.gz {said}"):
        read_points(tmp_path / "ring.json.gz")
