"""An interrupted row goes on where it was; results name the state of the code of all work."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from benchmarks.runtime import samples
from benchmarks.runtime.noise import item_generators, start_noise
from benchmarks.runtime.progress import Advance
from benchmarks.runtime.workspace import StageFolder, Workspace
from benchmarks.stages import assemble, sample

ITEMS, BATCH = 7, 2


class Killed(BaseException):
    """A stand-in for the end of the process."""


def session() -> Any:
    """Sampling of vectors in batches, without networks and data."""
    items = SimpleNamespace(finished=lambda x_0, convention: x_0)

    def start(convention: Any, indices: range, seed: int) -> tuple[None, list[Any], Tensor]:
        generators = item_generators(seed, indices)
        return None, generators, start_noise(generators, (3,), "cpu")

    context = SimpleNamespace(
        experiment=SimpleNamespace(batch_items=BATCH), track=SimpleNamespace(items=items)
    )
    return SimpleNamespace(context=context, start=start, evaluated=lambda row, observe: None)


def plan(killed_at: int | None = None) -> Any:
    """A row whose sampler adds fresh noise, and whose process ends in one of its calls."""
    calls: list[int] = []

    def run(net: Any, x_N: Tensor, condition: Any, generators: list[torch.Generator]) -> Tensor:
        calls.append(len(x_N))
        if len(calls) == killed_at:
            raise Killed
        return x_N + torch.stack([torch.randn(3, generator=one) for one in generators])

    sampler = SimpleNamespace(run=run, nfe=5)
    return SimpleNamespace(sampler=sampler, calls=calls)


def sample_seed(planned: Any, folder: StageFolder, advance: Advance = lambda count: None) -> None:
    """Sample one seed of a row of a few items."""
    row: Any = SimpleNamespace(convention=None, items=ITEMS)
    seed = sample._Seed(0, planned.sampler, folder)
    sample._sample_seed(session(), row, seed, advance)


def samples_in(folder: Path) -> bytes:
    return (folder / "samples.safetensors").read_bytes()


@pytest.mark.parametrize("killed_at", [2, 3, 4])
def test_an_interrupted_row_goes_on_with_equal_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    monkeypatch.setattr(samples, "KEPT_EVERY", 0.0)
    whole = Workspace(tmp_path / "whole").stage("sample", {"seed": 1})
    sample_seed(plan(), whole)
    folder = Workspace(tmp_path / "parts").stage("sample", {"seed": 1})
    with pytest.raises(Killed):
        sample_seed(plan(killed_at), folder)
    assert not folder.is_finished()
    again, advanced = plan(), []
    sample_seed(again, folder, advanced.append)
    assert sum(again.calls) == ITEMS - BATCH * (killed_at - 1)
    assert advanced[0] == BATCH * (killed_at - 1) * 5  # evaluations that need not be made again
    assert samples_in(folder.path) == samples_in(whole.path)
    assert folder.is_finished()
    left = {path.name for path in folder.path.iterdir()}
    assert left == {"samples.safetensors", "finished.json"}


@pytest.mark.parametrize(
    ("trees", "told"),
    [(("clean", "clean"), "clean"), (("changed", "clean"), "changed")],
)
def test_a_tree_is_clean_if_it_was_so_for_all_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trees: tuple[str, str], told: str
) -> None:
    monkeypatch.setattr(assemble.provenance, "tree_state", lambda: "clean")
    earlier, now = ({"commit": "a", "tree": tree} for tree in trees)
    Workspace(tmp_path, earlier).stage("search", {}).finish([], 1.0)
    workspace = Workspace(tmp_path, now)
    workspace.stage("search", {})
    context: Any = SimpleNamespace(device=torch.device("cpu"), workspace=workspace)
    assert assemble._provenance(context).tree == told


def test_each_row_and_repeat_has_a_sampler_of_its_own_prepared_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prepared: list[tuple[int, object]] = []

    def prepare(steps: int, inputs: Any) -> Any:
        prepared.append((steps, inputs.searched["tuned"]))
        return SimpleNamespace(place=prepared[-1])

    monkeypatch.setattr(sample, "contestant", lambda name, of: SimpleNamespace(prepare=prepare))
    context: Any = SimpleNamespace(track=SimpleNamespace(training=None), experiment=None)
    made = sample.Session(context, cast(Any, None), {"raw": {"tuned": [{3: "a"}, {3: "b"}]}})
    raw = SimpleNamespace(name="raw")
    short: Any = SimpleNamespace(key="raw/bddm-3", convention=raw, contestant="bddm", steps=3)
    long: Any = SimpleNamespace(key="raw/bddm-7", convention=raw, contestant="bddm", steps=7)
    samplers = [made.sampler(row, repeat) for row in (short, long) for repeat in (0, 1, 0)]
    assert prepared == [(steps, {3: found}) for steps in (3, 7) for found in ("a", "b")]
    places = [cast(Any, one).place for one in samplers]
    assert places == [prepared[n] for n in (0, 1, 0, 2, 3, 2)]
