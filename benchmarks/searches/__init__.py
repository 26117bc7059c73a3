"""The searches for schedules, by name: where each starts, and what chooses the betas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import Start
from bddm_ref.searching import starts, starts_in_noise
from bddm_ref.settings import StepLossForm
from benchmarks.core.search_names import SearchName
from benchmarks.searches.base import Rival
from benchmarks.searches.beta_grid import BetaGrid
from benchmarks.searches.elbo_paths import ElboPaths
from benchmarks.searches.learned_levels import LearnedLevels


@dataclass(frozen=True)
class SearchKind:
    """One way to search.

    Attributes:
        grid: ``(training schedule, M)`` to the (alpha_N, beta_N) that passes start from.
        chooser: of the betas of a pass: the schedule network; its mean answer at the level, with
            candidates ranked by arithmetic before any is sampled; the closed form of what it
            learns, from the measured power of eps; or two constants, searched along with the start.
        loss: form of the step loss that the network was trained on, or that the closed form is the
            optimum of; None: the one that the experiment names.
    """

    grid: Callable[[NoiseSchedule, int], Sequence[Start]]
    chooser: Literal["network", "network by level", "closed form", "constants"]
    loss: StepLossForm | None = None


@dataclass(frozen=True)
class RivalKind:
    """A search of its own kind."""

    rival: Rival
    chooser: Literal["rival"] = "rival"
    loss: None = None


PAPER: SearchName = "paper"
SEARCHES: dict[SearchName, SearchKind | RivalKind] = {
    "paper": SearchKind(starts, "network"),
    "noise": SearchKind(starts_in_noise, "network"),
    "released-loss": SearchKind(starts, "network", "released"),
    "closed-form": SearchKind(starts, "closed form"),
    "closed-form-noise": SearchKind(starts_in_noise, "closed form"),
    "closed-form-released": SearchKind(starts, "closed form", "released"),
    "constants": SearchKind(starts, "constants"),
    "constants-noise": SearchKind(starts_in_noise, "constants"),
    "beta-grid": RivalKind(BetaGrid()),
    "elbo-paths": RivalKind(ElboPaths()),
    "learned-levels": RivalKind(LearnedLevels()),
    "frugal": SearchKind(starts, "network by level"),
}
