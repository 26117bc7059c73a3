"""A cheaper search for BDDM's schedules, on a denser grid; not of the papers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from bddm_ref.extras.by_level import measured_ratio
from bddm_ref.extras.rules import network_rule, rule_betas
from bddm_ref.extras.search_frugal import frugal_search
from bddm_ref.scheduling import Start, starts
from benchmarks.runtime.found import Found, NetStart
from benchmarks.searches.base import Search, SearchInputs

DENSER = 4  # times as many cells a side; the finer grid contains the papers' grid


@dataclass(frozen=True)
class FrugalSearch(Search):
    """Passes by the schedule network's mean output, ranked by arithmetic before any sampling."""

    needs_schedule_net: ClassVar[bool] = True

    def _starts(self, inputs: SearchInputs) -> list[Start]:
        return starts(inputs.training, DENSER * (inputs.config.bins + 1) - 1)

    def _lengths(self, inputs: SearchInputs) -> dict[int, tuple[int, ...]]:
        """The papers' tau to the lengths that have it: one network serves them all."""
        taus = {length: inputs.taus(length)[0] for length in inputs.config.lengths}
        return {
            tau: tuple(length for length, its in taus.items() if its == tau)
            for tau in dict.fromkeys(taus.values())
        }

    def _work(self, inputs: SearchInputs) -> int:
        places = {start[:2] for start in self._starts(inputs)}
        return len(places) * len(self._lengths(inputs)) + len(inputs.config.lengths)

    def _find(self, inputs: SearchInputs) -> dict[int, Found]:
        results: dict[int, Found] = {}
        for tau, lengths in self._lengths(inputs).items():
            results |= self._of(tau, lengths, inputs)
        return results

    def _of(self, tau: int, lengths: tuple[int, ...], inputs: SearchInputs) -> dict[int, Found]:
        """Search the lengths of one schedule network."""
        training = inputs.training
        generator = torch.Generator().manual_seed(inputs.config.seed)
        items, _ = inputs.examples()
        # Passes are float32; known distributions give float64.
        ratio = measured_ratio(inputs.schedule_net(tau), items.float(), training, generator)

        def propose(start: Start, spare: float) -> list[float]:
            return rule_betas(network_rule(ratio, spare), start, training, max(lengths) + 1)

        found = frugal_search(
            propose,
            inputs.distortion(),
            inputs.problem.judge,
            self._starts(inputs),
            training,
            inputs.plan_of(lengths),
            inputs.observe,
        )
        return {
            length: Found(one.schedule, NetStart(*one.start, tau), one.scores, one.complete)
            for length, one in found.items()
        }
