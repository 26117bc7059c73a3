"""The kinds of claim tests."""

from __future__ import annotations

from typing import get_args

from benchmarks.claims import authors_audio, costs, pairs, rows, samplers, searches, theory
from benchmarks.claims.base import Test
from benchmarks.claims.kinds import ClaimTest


def test_every_kind_is_a_claim_test_with_a_name_of_its_own() -> None:
    kinds = get_args(ClaimTest)
    named = [get_args(kind.model_fields["kind"].annotation)[0] for kind in kinds]
    assert len({*named}) == len(kinds)
    written = {
        one
        for module in (authors_audio, costs, pairs, rows, samplers, searches, theory)
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, Test) and "kind" in one.model_fields
    }
    assert {*kinds} == written
