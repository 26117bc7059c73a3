"""What is read of a checkpoint, and that nothing in one is executed."""

from __future__ import annotations

import argparse
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from benchmarks.interop.files import read_content

STATE = {"first.weight": torch.arange(6.0).reshape(2, 3), "first.bias": torch.ones(2)}


class Trap:
    """An object whose unpickling calls a function."""

    def __init__(self, function: Callable[..., Any], argument: str) -> None:
        self.call = function, (argument,)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return self.call


def assert_read(path: Path, where: str, state: dict[str, Tensor] = STATE) -> None:
    content = read_content(path)
    assert content.where == where
    assert content.tensors.keys() == state.keys()
    assert all(torch.equal(content.tensors[name], value) for name, value in state.items())


# -- where the weights stand --------------------------------------------------------------------


@pytest.mark.parametrize("key", ["model_state_dict", "model", "state_dict", "ema", "net"])
def test_a_state_dict_below_a_key(tmp_path: Path, key: str) -> None:
    optimizer = {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 0.1}]}
    torch.save({"iter": 7, "optimizer": optimizer, key: STATE}, tmp_path / "a.pt")
    assert_read(tmp_path / "a.pt", key)


def test_a_state_dict_by_itself(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "a.pth")
    assert_read(tmp_path / "a.pth", "")
    torch.save(STATE, tmp_path / "old.ckpt", _use_new_zipfile_serialization=False)
    assert_read(tmp_path / "old.ckpt", "")
    save_file(STATE, tmp_path / "a.safetensors")
    assert_read(tmp_path / "a.safetensors", "")


def test_a_moving_average_comes_first(tmp_path: Path) -> None:
    average = {name: value / 2 for name, value in STATE.items()}
    torch.save({"model": STATE, "ema": average}, tmp_path / "a.pt")
    assert_read(tmp_path / "a.pt", "ema", average)


def test_the_prefix_of_data_parallelism_is_dropped(tmp_path: Path) -> None:
    torch.save({f"module.{name}": value for name, value in STATE.items()}, tmp_path / "a.pt")
    assert_read(tmp_path / "a.pt", "")


def test_hyperparameters(tmp_path: Path) -> None:
    for config in ({"T": 200, "betas": [0.1]}, argparse.Namespace(T=200, betas=[0.1])):
        torch.save({"config": config, "model": STATE}, tmp_path / "a.pkl")
        assert read_content(tmp_path / "a.pkl").config == {"T": 200, "betas": [0.1]}
    torch.save({"params": {"dilation_cycle_length": 10}, "model": STATE}, tmp_path / "a.pkl")
    assert read_content(tmp_path / "a.pkl").config == {"dilation_cycle_length": 10}


@pytest.mark.parametrize("place", [".", "unet"])
@pytest.mark.parametrize("ending", ["safetensors", "bin"])
def test_a_folder_of_diffusers(tmp_path: Path, place: str, ending: str) -> None:
    folder = tmp_path / place
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"_class_name": "UNet2DModel"}))
    weights = folder / f"diffusion_pytorch_model.{ending}"
    if ending == "bin":
        torch.save(STATE, weights)
    else:
        save_file(STATE, weights)
    assert_read(tmp_path, "")
    content = read_content(tmp_path)
    assert content.path == weights
    assert content.config == {"_class_name": "UNet2DModel"}


# -- nothing is executed ------------------------------------------------------------------------


@pytest.mark.parametrize("nested", ["alone", "in the state dict", "in the namespace"])
@pytest.mark.parametrize("writer", ["torch", "old torch", *range(6)])
@pytest.mark.parametrize("function", [os.system, eval, exec])
def test_traps_do_not_spring(
    tmp_path: Path, function: Callable[..., Any], writer: str | int, nested: str
) -> None:
    marker = tmp_path / "marker"
    python = f"__import__('pathlib').Path({str(marker)!r}).touch()"
    command = f"touch {marker}" if function is os.system else python
    trap: Any = Trap(function, command)
    if nested == "in the state dict":
        trap = {"model_state_dict": {**STATE, "last": trap}}
    elif nested == "in the namespace":
        trap = {"config": argparse.Namespace(T=trap), "model_state_dict": STATE}
    path = tmp_path / "evil.pkl"
    if isinstance(writer, int):
        path.write_bytes(pickle.dumps(trap, protocol=writer))
    else:
        torch.save(trap, path, _use_new_zipfile_serialization=writer == "torch")
    with pytest.raises(ValueError, match=r"evil\.pkl") as caught:
        read_content(path)
    assert_one_sentence(caught.value)
    assert not marker.exists()
    assert "only tensors and plain values are read; nothing was executed" in str(caught.value)
    if writer == "torch":
        pickle.loads(pickle.dumps(Trap(function, command)))  # the trap is one
        assert marker.exists()


def test_an_instance_of_protocol_0_is_named(tmp_path: Path) -> None:
    """Python itself writes none any more, and still makes them."""
    path = tmp_path / "evil.pkl"
    path.write_bytes(b"(S'touch marker'\nios\nsystem\n.")
    with pytest.raises(ValueError, match=r"evil\.pkl holds os\.system, and only tensors"):
        read_content(path)


def assert_one_sentence(error: BaseException) -> None:
    assert "\n" not in str(error)
    assert ". " not in str(error)
    assert len(str(error)) < 300


# -- files that hold no weights -----------------------------------------------------------------


def damaged(tmp_path: Path, name: str) -> Path:
    path = tmp_path / name
    if path.suffix == ".safetensors":
        save_file(STATE, path)
    else:
        torch.save({"model": STATE}, path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def saved(tmp_path: Path, content: Any) -> Path:
    torch.save(content, tmp_path / "a.pt")
    return tmp_path / "a.pt"


def written(tmp_path: Path, name: str, text: str = "") -> Path:
    (tmp_path / name).write_text(text)
    return tmp_path / name


def folder(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        written(tmp_path, name.replace("__", "."), text)
    return tmp_path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p / "absent.pkl", r"absent\.pkl does not exist; give a checkpoint"),
        (lambda p: written(p, "a.pkl"), r"a\.pkl is empty"),
        (lambda p: written(p, "a.pkl", "hello"), r"a\.pkl is damaged, or was not written by torch"),
        (lambda p: damaged(p, "a.pkl"), r"a\.pkl is damaged, or was not written by torch\.save"),
        (lambda p: damaged(p, "a.safetensors"), r"a\.safetensors is damaged, or not a safetensors"),
        (lambda p: written(p, "a.zip", "x"), r"a\.zip: a checkpoint ends in \.safetensors, \.pkl"),
        (lambda p: saved(p, {"iter": 3, "model": {}}), r"a\.pt holds no state dict"),
        (lambda p: saved(p, [torch.ones(1)]), r"a\.pt holds no state dict"),
        (lambda p: saved(p, torch.nn.Linear(1, 1)), r"a\.pt holds torch\.nn\.modules\.linear"),
        (folder, r"is a folder without config\.json; give a file, or the folder"),
        (lambda p: folder(p, config__json="{}"), r"has a config\.json, but no diffusion_pyt"),
        (
            lambda p: folder(p, config__json="{", diffusion_pytorch_model__bin="x"),
            r"config\.json is no JSON",
        ),
        (
            lambda p: folder(p, config__json="[]", diffusion_pytorch_model__bin="x"),
            r"config\.json must hold an object, not a list",
        ),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, make: Callable[[Path], Path], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        read_content(make(tmp_path))
    assert_one_sentence(caught.value)


@pytest.mark.parametrize("place", ["data", "directory"])
def test_changed_bytes_of_an_archive(tmp_path: Path, place: str) -> None:
    """torch itself reads them as other weights."""
    path = saved(tmp_path, {"model": {"w": torch.full((64,), 3.14159)}})
    content = bytearray(path.read_bytes())
    data = bytes(torch.full((64,), 3.14159).numpy().tobytes())
    at = content.index(data) + 5 if place == "data" else content.rindex(b"PK\x01\x02") + 16
    content[at] ^= 0x40
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.pt is damaged, or was not written by torch\.save"):
        read_content(path)


def test_safetensors_without_tensors(tmp_path: Path) -> None:
    save_file({}, tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match=r"a\.safetensors holds no tensors"):
        read_content(tmp_path / "a.safetensors")


def test_a_checksum_beside_the_file_is_verified(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "a.safetensors")
    written(tmp_path, "a.safetensors.sha256", "0" * 64)
    with pytest.raises(ValueError, match=r"a\.safetensors does not match its checksum"):
        read_content(tmp_path / "a.safetensors")
