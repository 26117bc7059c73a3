"""All contestants by name. A new one is a file beside this one and a line here."""

from __future__ import annotations

from benchmarks.contestants.base import Contestant
from benchmarks.contestants.bddm import Bddm
from benchmarks.contestants.subsequence import Subsequence

CONTESTANTS: dict[str, Contestant] = {
    "bddm": Bddm(),
    "bddm-noise": Bddm("BDDM, from α_T", "noise"),
    "ddpm": Subsequence("DDPM, linear sub-sequence", "ddpm"),
    "ddim": Subsequence("DDIM, linear sub-sequence", "ddim"),
    "ddpm-quad": Subsequence("DDPM, quadratic sub-sequence", "ddpm", "quadratic"),
    "ddim-quad": Subsequence("DDIM, quadratic sub-sequence", "ddim", "quadratic"),
}
SEARCHED = {name: c.grid for name, c in CONTESTANTS.items() if isinstance(c, Bddm)}
"""Contestants whose schedules a search found, and its grid."""
