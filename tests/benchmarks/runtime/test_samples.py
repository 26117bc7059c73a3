"""Samples of a row are kept in parts while they are made."""

from __future__ import annotations

from pathlib import Path

import torch

from benchmarks.runtime.samples import KEPT_EVERY, SampleParts


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def made(folder: Path, batches: list[torch.Tensor], wait: float) -> SampleParts:
    """Parts of these batches, ``wait`` seconds apart."""
    clock = Clock()
    parts = SampleParts(folder, clock)
    for batch in batches:
        clock.now += wait
        parts.add(batch)
    return parts


BATCHES = [torch.full((2, 3), float(n)) for n in range(4)]


def test_parts_of_an_interrupted_run_are_found_again(tmp_path: Path) -> None:
    made(tmp_path, BATCHES[:3], KEPT_EVERY)
    again = SampleParts(tmp_path)
    assert again.items == 6
    assert again.seconds == 3 * KEPT_EVERY
    again.add(BATCHES[3])
    assert torch.equal(again.joined(), torch.cat(BATCHES))


def test_work_of_less_than_half_a_minute_is_not_kept(tmp_path: Path) -> None:
    parts = made(tmp_path, BATCHES, KEPT_EVERY / 4 - 0.1)
    assert not list(tmp_path.iterdir())
    assert torch.equal(parts.joined(), torch.cat(BATCHES))


def test_a_damaged_part_and_those_after_it_are_made_anew(tmp_path: Path) -> None:
    made(tmp_path, BATCHES, KEPT_EVERY)
    (tmp_path / "part-4.safetensors").write_bytes(b"damaged")
    again = SampleParts(tmp_path)
    assert again.items == 4
    assert not (tmp_path / "part-4.safetensors").exists()
    assert torch.equal(again.joined(), torch.cat(BATCHES[:2]))


def test_parts_are_removed_once_the_whole_is_written(tmp_path: Path) -> None:
    made(tmp_path, BATCHES, KEPT_EVERY).remove()
    assert not list(tmp_path.iterdir())
