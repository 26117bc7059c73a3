"""A name that is not known is answered with the field, the known names and the nearest."""

from __future__ import annotations

import pytest

from benchmarks.core.errors import ExperimentError
from benchmarks.core.registry import choose


def test_a_known_name_gives_its_entry() -> None:
    assert choose({"a": 1, "b": 2}, "b", "field") == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("speechh", "track: 'speechh' is none of speech, images (did you mean 'speech'?)"),
        ("zzz", "track: 'zzz' is none of speech, images"),
    ],
)
def test_an_unknown_name_is_refused_in_one_line(name: str, message: str) -> None:
    with pytest.raises(ExperimentError) as told:
        choose({"speech": 1, "images": 2}, name, "track")
    assert str(told.value) == message
