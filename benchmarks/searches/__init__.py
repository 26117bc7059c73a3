"""Floor 4: all searches by name. A new search is one file here, and one line below."""

from __future__ import annotations

from bddm_ref.scheduling import starts_in_noise
from benchmarks.core.experiment import SearchName
from benchmarks.searches.base import Search
from benchmarks.searches.beta_grid import BetaGrid
from benchmarks.searches.elbo_paths import ElboPaths
from benchmarks.searches.frugal import FrugalSearch
from benchmarks.searches.learned_levels import LearnedLevels
from benchmarks.searches.paper import PaperSearch, ReleasedSearch
from benchmarks.searches.rules import ClosedForm, Constants

SEARCHES: dict[SearchName, Search] = {
    "paper": PaperSearch(tuned=False),
    "tuned": PaperSearch(),
    "released": ReleasedSearch(),
    "noise": PaperSearch(starts_in_noise),
    "released-loss": PaperSearch(network_loss="released"),
    "closed-form": ClosedForm(),
    "closed-form-noise": ClosedForm(starts_in_noise),
    "closed-form-released": ClosedForm(form="released"),
    "constants": Constants(),
    "constants-noise": Constants(starts_in_noise),
    "beta-grid": BetaGrid(),
    "elbo-paths": ElboPaths(),
    "learned-levels": LearnedLevels(),
    "frugal": FrugalSearch(),
}
