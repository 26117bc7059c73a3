"""Weights of this project are recognised as the network they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from bddm_ref.checkpoint import save_weights
from bddm_ref.networks.unet import UNet, UNetConfig
from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.experiment import Convention, LinearSchedule
from benchmarks.interop.base import Imported
from benchmarks.interop.files import read_content
from benchmarks.interop.layouts import convert
from benchmarks.interop.selfcheck import network_of, outputs
from benchmarks.tracks import track_class

ROOT = Path(__file__).resolve().parents[3]
SCHEDULE = NoiseSchedule.linear(1000, 1e-4, 0.02)
SMALL: dict[str, dict[str, Any]] = {
    "diffwave": {"layers": 2, "channels": 8, "mels": 80},
    "galr": {"width": 16, "hidden": 4, "segment": 8, "mixtures": 4},
}


def imported(path: Path) -> Imported:
    (one,) = convert(read_content(path))
    return one


def write(tmp_path: Path, track: str, role: str, network: str, size: dict[str, Any]) -> Path:
    known = track_class(track).known_networks[role]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_weights(known[network](size, SCHEDULE), tmp_path / "a.safetensors")
    return tmp_path / "a.safetensors"


@pytest.mark.parametrize(
    ("track", "role", "network", "size"),
    [
        ("speech", "score_net", "diffwave", SMALL["diffwave"]),
        ("speech", "schedule_net", "galr", SMALL["galr"]),
        ("speech", "schedule_net", "ratio", {}),
        ("images", "schedule_net", "ratio", {"channels": 3}),
        ("images", "schedule_net", "vgg11", {"channels": 3}),
        ("analytic", "schedule_net", "vector", {"dimensions": 16}),
        (
            "analytic",
            "score_net",
            "vector",
            {"dimensions": 16, "width": 64, "blocks": 2},
        ),  # that of the shipped networks-analytic-ddpm.yaml
        (
            "speech",
            "score_net",
            "spectral_vocoder",
            {"width": 32, "blocks": 2} | {"encoder_width": 32, "encoder_blocks": 1},
        ),  # that of the shipped smoke.yaml
    ],
)
def test_networks_of_all_tracks(
    tmp_path: Path, track: str, role: str, network: str, size: dict[str, Any]
) -> None:
    path = write(tmp_path, track, role, network, size)
    found = imported(path)
    assert (found.track, found.role, found.network) == (track, role, network)
    assert found.size | size == found.size
    assert found.training is None
    assert "no .yaml beside the file names these weights" in found.notes[0]
    assert outputs(found, network_of(found)).isfinite().all()
    tensors = read_content(path).tensors
    assert all(torch.equal(found.state[name], value) for name, value in tensors.items())


def test_a_size_that_only_the_yaml_beside_tells(tmp_path: Path) -> None:
    size = {"image_channels": 1, "channels": 8, "multipliers": [1, 2, 2], "groups": 4, "blocks": 1}
    path = write(tmp_path, "images", "score_net", "unet", size)
    with pytest.raises(
        ValueError, match=r"has none of the known layouts .*, layout of this project's"
    ):
        imported(path)
    fields = {
        "track": "images",
        "training_schedule": {"T": 500, "start": 1e-4, "end": 0.03},
        "score_net": {"network": "unet", "size": size, "weights": "elsewhere/a.safetensors"},
    }
    (tmp_path / "0.yaml").write_text("true: no experiment")
    (tmp_path / "00.yaml").write_bytes(b"\xff\xfe")
    (tmp_path / "1.yaml").write_text("track: images")  # names no weights
    (tmp_path / "2.yaml").write_text(json.dumps(fields))
    found = imported(path)
    assert found.size | size == found.size
    assert found.training == LinearSchedule(500, 1e-4, 0.03)
    assert found.notes == (
        f"convention and training_schedule are those of {tmp_path}/2.yaml, which names another "
        "file of this name",
    )


def test_the_convention_of_a_schedule_network(tmp_path: Path) -> None:
    path = write(tmp_path, "speech", "schedule_net", "ratio", {})
    fields = {
        "conventions": [{"name": "loud", "amplitude": 2.0}, {"name": "quiet"}],
        "schedule_net": {"weights": {"loud": "b.safetensors", "quiet": "a.safetensors"}},
    }
    (tmp_path / "a.yaml").write_text(json.dumps(fields))
    assert imported(path).convention == Convention("quiet")


@pytest.mark.parametrize(
    ("file", "network", "convention"),
    [
        ("speech-score", "spectral_vocoder", None),
        ("speech-schedule-scaled-tau-62", "ratio", Convention("scaled", 8.0)),
        ("images-score", "unet", None),
    ],
)
def test_the_reference_weights(file: str, network: str, convention: Convention | None) -> None:
    found = imported(ROOT / "results" / "weights" / f"{file}.safetensors")
    assert (found.network, found.convention) == (network, convention)
    assert found.training is not None
    assert found.amplitude == 8.0
    assert found.notes == (f"its checksum is that of the published {file}.safetensors",)


def test_a_tensor_of_another_shape_is_told(tmp_path: Path) -> None:
    save_weights(UNet(UNetConfig(image_channels=4)), tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match=r"a\.safetensors: '.*' has the shape \(.*4.*\) instead"):
        imported(tmp_path / "a.safetensors")
