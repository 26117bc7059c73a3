"""All contestants by name. A new one is a file beside this one and a line here."""

from __future__ import annotations

from benchmarks.contestants.base import Contestant
from benchmarks.contestants.bddm import Bddm
from benchmarks.contestants.online import OnlineBddm
from benchmarks.contestants.subsequence import Subsequence
from benchmarks.searches import SEARCHES

CONTESTANTS: dict[str, Contestant] = {
    "bddm": Bddm(),
    "bddm-noise": Bddm("BDDM, from α_T", "noise"),
    "bddm-released": Bddm("BDDM, released loss", "released-loss"),
    "closed-form": Bddm("Closed form, no network", "closed-form"),
    "closed-form-noise": Bddm("Closed form, from α_T", "closed-form-noise"),
    "closed-form-released": Bddm("Closed form of the released loss", "closed-form-released"),
    "constants": Bddm("Two constants", "constants"),
    "constants-noise": Bddm("Two constants, from α_T", "constants-noise"),
    "bddm-online": OnlineBddm("BDDM, online"),
    "bddm-own": OnlineBddm("BDDM, a list for each item", own=True),
    "ddpm": Subsequence("DDPM, linear sub-sequence", "ddpm"),
    "ddim": Subsequence("DDIM, linear sub-sequence", "ddim"),
    "ddpm-quad": Subsequence("DDPM, quadratic sub-sequence", "ddpm", "quadratic"),
    "ddim-quad": Subsequence("DDIM, quadratic sub-sequence", "ddim", "quadratic"),
}
SEARCHED = {name: c.search for name, c in CONTESTANTS.items() if isinstance(c, Bddm)}
"""Contestants whose schedules a search found, and which."""
BILATERAL = [name for name, s in SEARCHED.items() if SEARCHES[s].chooser == "network"]
"""Those of them that a schedule network chose: the papers' method."""
