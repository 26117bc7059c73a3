"""Keys of rows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.core.rows import RowKey

NAMES = st.from_regex(r"[a-z][a-z0-9_.-]{0,11}", fullmatch=True)


@given(NAMES, NAMES, st.integers(1, 10**6))
def test_a_key_is_read_as_it_is_written(convention: str, contestant: str, steps: int) -> None:
    key = RowKey(convention, contestant, steps)
    assert RowKey.parse(str(key)) == key
    assert RowKey.named(convention, key.name) == key


def test_contestants_may_have_dashes() -> None:
    assert RowKey.parse("raw/ddim-snr-steps-16") == RowKey("raw", "ddim-snr-steps", 16)


@pytest.mark.parametrize("text", ["", "bddm-7", "raw/bddm", "raw/-7", "raw/bddm-x", "raw/bddm-"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no row; write a row as"):
        RowKey.parse(text)
