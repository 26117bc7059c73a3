"""The kinds of test that a claim may be put to, each decided from published results alone.

A new kind is a class in one of these modules, and a line in :data:`ClaimTest`.
"""

from __future__ import annotations

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
    BoundBetween,
    CollapseSpeed,
    Honest,
    Identity,
    Proposition3,
    Selection,
    Sigma,
)

ClaimTest = (
    Noninferior
    | Superior
    | WithinFactor
    | AtLeast
    | SpeedUp
    | SamplerSpeedUp
    | CostShare
    | Identity
    | BoundBetween
    | Proposition3
    | Sigma
    | CollapseSpeed
    | Selection
    | Honest
)
