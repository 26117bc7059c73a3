"""Names of the searches that :mod:`benchmarks.searches` has, without what they need to run."""

from __future__ import annotations

from typing import Literal

SearchName = Literal[
    "paper",
    "noise",
    "released-loss",
    "closed-form",
    "closed-form-noise",
    "closed-form-released",
    "constants",
    "constants-noise",
    "beta-grid",
    "elbo-paths",
    "learned-levels",
    "frugal",
]
