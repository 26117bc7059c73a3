"""The kinds of test that a claim may be put to, each decided from published results alone.

A new kind is a class in one of these modules, and a line in :data:`ClaimTest`.
"""

from __future__ import annotations

from benchmarks.claims.authors_audio import AuthorsAtLeast, AuthorsNoninferior
from benchmarks.claims.rows import (
    AtLeast,
    CostShare,
    Noninferior,
    SpeedUp,
    Superior,
    WithinFactor,
)
from benchmarks.claims.samplers import SamplerSpeedUp
from benchmarks.claims.theory import (
    AboveElbo,
    BoundHolds,
    Honest,
    Selection,
    Sigma,
    SigmaOnElbo,
)

ClaimTest = (
    Noninferior
    | Superior
    | WithinFactor
    | AtLeast
    | SpeedUp
    | SamplerSpeedUp
    | CostShare
    | BoundHolds
    | AboveElbo
    | Sigma
    | SigmaOnElbo
    | Selection
    | Honest
    | AuthorsNoninferior
    | AuthorsAtLeast
)
