"""Whole samplers, from drawn noise to the finished tensor, at every length in turns.

Weights are random: time does not depend on them. The encoder of a network for speech runs once for
each utterance, whatever the sampler, and has a case of its own.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from bddm_ref.process import KERNELS
from bddm_ref.sampling import sample
from benchmarks.results.speed import OURS
from benchmarks.runtime.noise import item_generators, start_noise
from benchmarks.studies.speed.case import Case
from benchmarks.studies.speed.random_nets import (
    DIFFWAVE,
    NAMES,
    TRAINING,
    UNET,
    RandomNet,
    random_net,
    relative_error,
)

LENGTHS = (3, 7, 12, 16, 50, 100, 200, 1000)
ON_CPU = {DIFFWAVE: (3, 7)}  # others: up to 16
ROUNDS, ROUNDS_OF_ONE, ROUNDS_ON_CPU = 9, 25, 6  # claims of speed-ups rest on single items
# The longest case comes last, should time run short.
BATCHES = [(name, 1) for name in NAMES] + [(name, 16) for name in reversed(NAMES)]
SAME = 0.1  # relative error of samples
SMALL: dict[str, dict[str, Any]] = {  # for tests of the cases themselves
    DIFFWAVE: {"layers": 4, "channels": 16},
    UNET: {},
}
pytestmark = pytest.mark.benchmark(group="samplers")


def prepared(case: Case, name: str, items: int) -> tuple[RandomNet, int]:
    """The network, and the items that a case works on: few where nothing is timed."""
    on_cpu = case.device.type == "cpu"
    if case.benchmark.disabled:
        return random_net(name, case.device, 8, SMALL.get(name, {})), min(items, 2)
    if on_cpu and items > 1:
        pytest.skip(f"{items} items take minutes on a processor: timed on a GPU only")
    short = {"frames": 8} if on_cpu and name == DIFFWAVE else {}
    return random_net(name, case.device, **short), items


def lengths_of(case: Case, name: str) -> tuple[int, ...]:
    """The lengths that are timed."""
    if case.benchmark.disabled:
        return 2, 3
    if case.device.type != "cpu":
        return LENGTHS
    lengths = ON_CPU.get(name, tuple(n for n in LENGTHS if n <= 16))
    case.note(**{"longer ones": "timed on a GPU only, as they take minutes here"})
    return lengths


class Sampler:
    """DDPM samplers of one network at several lengths, as the harness runs them."""

    def __init__(
        self, one: RandomNet, items: int, lengths: tuple[int, ...], condition: Any
    ) -> None:
        self.one, self.items, self.condition = one, items, condition
        self.schedules = {steps: TRAINING.subsequence(steps) for steps in lengths}
        self.made: dict[int, Tensor] = {}

    def run(self, steps: int) -> Tensor:
        """From x_N, drawn here, to the data."""
        generators = item_generators(0, range(self.items))
        x_N = start_noise(generators, self.one.shape, self.one.device)
        schedule, kernel = self.schedules[steps], KERNELS["ddpm"]
        made = sample(self.one.net, schedule, kernel, x_N, self.condition, generators)
        self.made[steps] = made
        return made

    def check(self, steps: int) -> None:
        """N evaluations of each item, and equal samples from equal noise."""
        before = self.one.net.evaluations
        first = self.run(steps).clone()
        assert self.one.net.evaluations - before == steps * self.items
        again = self.run(steps)
        assert first.shape == (self.items, *self.one.shape)
        assert first.isfinite().all()
        assert relative_error(again, first) < 1e-2  # of a GPU's sums in no fixed order
        if first.device.type == "cpu":
            assert torch.equal(again, first)


def through_graphs(case: Case, plain: Sampler) -> Sampler:
    """On a GPU the network through CUDA graphs, if it can be, and gives what it gave."""
    if case.device.type != "cuda":
        return plain
    steps = min(plain.schedules)
    expected = plain.run(steps)
    sampler = Sampler(plain.one.compiled(), plain.items, tuple(plain.schedules), plain.condition)
    for _ in range(3):  # compiles, records, replays
        sampler.run(steps)
    failure = sampler.one.failure
    # In bfloat16 a compiled network rounds at other places, and steps pass that on.
    error = relative_error(sampler.made[steps], expected)
    if failure is None and not error < SAME:
        failure = f"its samples are off by {error:.2g} of their size"
    case.note(compiled="with CUDA graphs" if failure is None else f"no: {failure}")
    return sampler if failure is None else plain


def fields(one: RandomNet, name: str, items: int) -> dict[str, Any]:
    """What programs find a time by."""
    return {
        "network": name,
        "items": items,
        "precision": one.precision,
        "seconds_of_audio": one.seconds_of_audio,
    }


@pytest.mark.parametrize(("name", "items"), BATCHES)
def test_samplers(case: Case, name: str, items: int) -> None:
    one, items = prepared(case, name, items)
    lengths = lengths_of(case, name)
    sampler = Sampler(one, items, lengths, one.condition(items))
    sampler.check(lengths[0])
    sampler = through_graphs(case, sampler)
    sampler.check(lengths[0])
    calls = {steps: (lambda steps=steps: sampler.run(steps)) for steps in lengths}
    rounds = ROUNDS_OF_ONE if items == 1 else ROUNDS
    if case.device.type == "cpu":
        rounds = ROUNDS_ON_CPU
    shortest, *longer = lengths
    seconds = case.compare(
        f"{name}: {shortest} steps, batch {items}",
        calls[shortest],
        beside={str(steps): calls[steps] for steps in longer},
        rounds=rounds,
        warmup=0,
    )
    endless = [str(steps) for steps in lengths if not sampler.made[steps].isfinite().all()]
    if endless:  # takes the same time, but ought to be known
        case.note(**{"samples that are not finite": f"{', '.join(endless)} steps"})
    for steps in lengths:
        times = seconds[OURS if steps == shortest else str(steps)]
        title = f"{name}: {steps} steps, batch {items}"
        case.part(title, times, **fields(one, name, items), what="sampler", steps=steps)
    if case.benchmark.disabled:
        assert [part["subject"]["steps"] for part in case.info["parts"]] == list(lengths)


@pytest.mark.parametrize(("name", "items"), [one for one in BATCHES if one[0] != UNET])
def test_encoder(case: Case, name: str, items: int) -> None:
    one, items = prepared(case, name, items)
    log_mel = one.log_mel(items)
    assert log_mel is not None
    made = one.encode(log_mel)
    assert all(part.isfinite().all() for part in made if isinstance(part, Tensor))
    title = f"{name}: encoder, batch {items}, once for each utterance"
    case.compare(title, lambda: one.encode(log_mel), rounds=ROUNDS)
    case.subject(**fields(one, name, items), what="encoder", steps=None)
