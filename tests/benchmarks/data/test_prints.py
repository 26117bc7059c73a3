"""Prints of waveforms: copies are found, other recordings are not taken for one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.data.prints import TOLERANCE, copies, print_of
from benchmarks.data.recordings import CHECK
from synthetic.recordings import voice, write


@pytest.mark.parametrize(
    ("name", "change", "subtype"),
    [
        ("b.flac", lambda x: x, "PCM_16"),
        ("b.flac", lambda x: x, "PCM_24"),
        ("b.wav", lambda x: x, "FLOAT"),
        ("b.wav", lambda x: 0.3 * x, "PCM_16"),
        ("b.wav", lambda x: x + 0.2, "PCM_16"),
        ("b.wav", lambda x: np.stack([x, x], 1), "PCM_16"),
        ("b.wav", lambda x: np.append(x, np.zeros(4000)), "PCM_16"),
        ("b.wav", lambda x: x + 1e-4 * np.random.default_rng(0).standard_normal(len(x)), "FLOAT"),
    ],
)
def test_copies_are_found(
    tmp_path: Path, name: str, change: Callable[[np.ndarray], np.ndarray], subtype: str
) -> None:
    files = {"a": write(tmp_path / "a.wav", voice(0))}
    files["copy"] = write(tmp_path / name, change(voice(0)), subtype=subtype)
    files |= {str(i): write(tmp_path / f"{i}.wav", voice(i)) for i in range(1, 6)}
    found = CHECK.copies({key: CHECK.facts(path) for key, path in files.items()})
    assert [sorted(pair) for pair in found] == [["a", "copy"]]


def test_other_recordings_are_no_copies() -> None:
    t = torch.arange(16_000) / 16_000
    waves = {f"tone {f}": torch.sin(2 * torch.pi * f * t) for f in range(200, 260, 2)}
    waves |= {f"voice {i}": torch.from_numpy(voice(i)).float() for i in range(40)}
    noise = torch.randn(80_000, generator=torch.Generator().manual_seed(0))
    waves |= {f"part {i}": noise[i * 100 : i * 100 + 70_000] for i in range(30)}
    waves |= {f"inverse {i}": -noise[i * 100 : i * 100 + 70_000] for i in range(3)}
    assert copies({name: print_of(wave) for name, wave in waves.items()}) == []


def test_every_pair_of_copies_is_found_among_many() -> None:
    table = np.random.default_rng(0).standard_normal((3000, 12))
    table[17], table[2900], table[1234] = table[5], table[5] + 0.9 * TOLERANCE, table[99]
    table[4] = table[5]
    table[4, 7] += 2 * TOLERANCE  # one number differs
    found = copies({str(i): list(row) for i, row in enumerate(table)})
    pairs = {tuple(sorted(map(int, pair))) for pair in found}
    assert pairs == {(5, 17), (5, 2900), (17, 2900), (99, 1234)}
    assert copies({}) == copies({"one": [0.0] * 12}) == []


def test_a_long_waveform_uses_all_its_samples() -> None:
    long = torch.randn(200_000, generator=torch.Generator().manual_seed(1))
    swapped = torch.cat([long[65_536:131_072], long[:65_536], long[131_072:]])
    found = copies({"a": print_of(long), "b": print_of(swapped), "c": print_of(2 * long)})
    assert [sorted(pair) for pair in found] == [["a", "c"]]
