"""Files are whole and verified, or refused with one sentence."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from torch import nn

from bddm_ref.checkpoint import (
    load_state,
    load_weights,
    roundable_parameters,
    save_state,
    save_weights,
)
from bddm_ref.files import DamagedFileError, write_atomically, write_with_checksum


def network(width: int = 3, seed: int = 0) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Linear(width, 2)


def test_weights_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "net.safetensors"
    source, target = network(seed=1), network(seed=2)
    save_weights(source, path)
    load_weights(target, path)
    for a, b in zip(source.parameters(), target.parameters(), strict=True):
        assert torch.equal(a, b)


def test_matrices_may_be_stored_in_bfloat16(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    source, target = network(seed=1), network(seed=2)
    save_weights(source, path, torch.bfloat16)
    load_weights(target, path)
    assert torch.equal(target.weight, source.weight.bfloat16().float())  # type: ignore[arg-type]
    assert torch.equal(target.bias, source.bias)  # type: ignore[arg-type]
    assert target.weight.dtype == torch.float32  # type: ignore[union-attr]


def test_one_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_weights(network(), path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    target = network(seed=5)
    before = target.weight.clone()  # type: ignore[operator]
    with pytest.raises(DamagedFileError, match="does not match its checksum"):
        load_weights(target, path)
    assert torch.equal(target.weight, before)  # type: ignore[arg-type]
    assert path.read_bytes() == bytes(content)


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "not a safetensors"), (b"RIFF....WAVE", "not a safetensors")]
)
def test_foreign_weights_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "net.safetensors"
    write_with_checksum(path, lambda p: p.write_bytes(content))
    with pytest.raises(DamagedFileError, match=message):
        load_weights(network(), path)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_weights(network(width=4), path)
    with pytest.raises(DamagedFileError, match=r"another network: 1 tensors differ.*'weight'"):
        load_weights(network(width=3), path)


def test_missing_file_and_missing_checksum(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    with pytest.raises(DamagedFileError, match="does not exist"):
        load_weights(network(), path)
    save_weights(network(), path)
    path.with_name(path.name + ".sha256").unlink()
    with pytest.raises(DamagedFileError, match="has no checksum; put what"):
        load_weights(network(), path)


def test_a_pickle_that_would_execute_is_refused(tmp_path: Path) -> None:
    class Harmful:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "executed",))  # type: ignore[return-value]

    path = tmp_path / "state.pt"
    write_with_checksum(path, lambda p: torch.save({"x": Harmful()}, p))
    with pytest.raises(DamagedFileError, match="is not a training state"):
        load_state(path)
    assert not (tmp_path / "executed").exists()


def test_state_round_trip_and_truncation(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    save_state({"losses": [1.0], "weights": torch.ones(3)}, path)
    assert load_state(path)["losses"] == [1.0]
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DamagedFileError, match="does not match its checksum"):
        load_state(path)


@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_whatever_is_interrupted_leaves_a_readable_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    """A process killed before any of the three renames leaves a state that its checksum matches."""
    path = tmp_path / "state.pt"
    save_state({"step": 1}, path)
    renames = itertools.count(1)
    rename = Path.replace

    def failing(self: Path, target: Path) -> Path:
        if next(renames) == fails_at:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(KeyboardInterrupt):
        save_state({"step": 2}, path)
    assert load_state(path)["step"] == (2 if fails_at == 3 else 1)
    monkeypatch.undo()
    save_state({"step": 3}, path)
    assert load_state(path)["step"] == 3
    assert len((tmp_path / "state.pt.sha256").read_text().splitlines()) == 1


def test_factors_of_a_normalised_weight_are_not_rounded() -> None:
    plain, factored = nn.Linear(3, 2), nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
    assert [name for name, _ in roundable_parameters(plain)] == ["weight"]
    assert not list(roundable_parameters(factored))
    assert [name for name, _ in roundable_parameters(nn.Sequential(factored, plain))] == [
        "1.weight"
    ]


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
