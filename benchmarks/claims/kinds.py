"""The kinds of test that a claim may be put to, each decided from published results alone.

A new kind is a class in one of these modules, and a line in :data:`ClaimTest`.
"""

from __future__ import annotations

from benchmarks.claims.authors_audio import AuthorsAtLeast, AuthorsNoninferior
from benchmarks.claims.costs import TrainingCost
from benchmarks.claims.pairs import Noninferior, Superior
from benchmarks.claims.rows import AtLeast, SpeedUp
from benchmarks.claims.samplers import SamplerSpeedUp
from benchmarks.claims.searches import Honest, Selection
from benchmarks.claims.theory import (
    BoundBetween,
    CollapseSpeed,
    Identity,
    Proposition3,
    Sigma,
)

ClaimTest = (
    Noninferior
    | Superior
    | AtLeast
    | SpeedUp
    | SamplerSpeedUp
    | TrainingCost
    | Identity
    | BoundBetween
    | Proposition3
    | Sigma
    | CollapseSpeed
    | Selection
    | Honest
    | AuthorsNoninferior
    | AuthorsAtLeast
)
