"""Checkpoints of the lmnt package against a plain forward pass, and against the package itself."""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from bddm_ref.extras.networks.diffwave_lmnt import LmntDiffWave, step_table
from bddm_ref.networks.diffwave import DiffWaveConfig
from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.experiment import LinearSchedule
from benchmarks.interop.base import Content, Imported
from benchmarks.interop.lmnt import LAYOUT
from benchmarks.tracks.speech.networks import NETWORKS

LAYERS, CHANNELS, CYCLE = 5, 8, 3
DILATIONS = (1, 2, 4, 1, 2)
COLUMNS = 3  # of the mel spectrogram, 256 samples each
PARAMETERS = {
    "dilation_cycle_length": CYCLE,
    "noise_schedule": torch.linspace(1e-4, 0.05, 50, dtype=torch.float64).tolist(),
    "sample_rate": 22050,
}


def state() -> dict[str, Tensor]:
    """Random tensors under the names, and of the shapes, that the package gives them."""
    shapes: dict[str, tuple[int, ...]] = {
        "input_projection": (CHANNELS, 1, 1),
        "diffusion_embedding.projection1": (512, 128),
        "diffusion_embedding.projection2": (512, 512),
        "spectrogram_upsampler.conv1": (1, 1, 3, 32),
        "spectrogram_upsampler.conv2": (1, 1, 3, 32),
    }
    for i in range(LAYERS):
        shapes[f"residual_layers.{i}.dilated_conv"] = (2 * CHANNELS, CHANNELS, 3)
        shapes[f"residual_layers.{i}.diffusion_projection"] = (CHANNELS, 512)
        shapes[f"residual_layers.{i}.conditioner_projection"] = (2 * CHANNELS, 80, 1)
        shapes[f"residual_layers.{i}.output_projection"] = (2 * CHANNELS, CHANNELS, 1)
    shapes["skip_projection"] = (CHANNELS, CHANNELS, 1)
    shapes["output_projection"] = (1, CHANNELS, 1)
    generator = torch.Generator().manual_seed(0)
    tensors = {}
    for name, shape in shapes.items():
        spread = 1 / math.sqrt(math.prod(shape[1:]))
        tensors[f"{name}.weight"] = spread * torch.randn(shape, generator=generator)
        tensors[f"{name}.bias"] = 0.1 * torch.randn(shape[:1], generator=generator)
    return tensors


def content(tensors: dict[str, Tensor], config: dict[str, Any] = PARAMETERS) -> Content:
    return Content(Path("weights.pt"), tensors, config)


def network_of(imported: Imported) -> LmntDiffWave:
    """The network that an experiment would build, with the imported weights."""
    assert imported.training is not None
    schedule = NoiseSchedule.linear(
        imported.training.T, imported.training.start, imported.training.end
    )
    network = NETWORKS["score_net"][imported.network](imported.size, schedule)
    assert isinstance(network, LmntDiffWave)
    network.load_state_dict(imported.state)
    return network.eval()


def inputs(batch: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(batch, COLUMNS * 256, generator=generator)
    return x, torch.rand(batch, 80, COLUMNS, generator=generator)


def plain_forward(w: dict[str, Tensor], x: Tensor, mel: Tensor, features: Tensor) -> Tensor:
    """eps of one item by the published architecture, with the package's names.

    x ``(L,)``, mel ``(80, columns)``, step features ``(128,)``.
    """

    def linear(name: str, value: Tensor) -> Tensor:
        return w[f"{name}.weight"].squeeze(-1) @ value + w[f"{name}.bias"][:, None]

    step = features[:, None]
    for name in ("projection1", "projection2"):
        step = linear(f"diffusion_embedding.{name}", step)
        step = step / (1 + torch.exp(-step))
    plane = mel[None, None]
    for name in ("spectrogram_upsampler.conv1", "spectrogram_upsampler.conv2"):
        full = F.conv_transpose2d(plane, w[f"{name}.weight"], w[f"{name}.bias"], stride=(1, 16))
        plane = full[:, :, 1:-1, 8:-8]
        plane = torch.maximum(plane, 0.4 * plane)
    bands = plane[0, 0]
    hidden = linear("input_projection", x[None]).clamp(min=0)
    total = torch.zeros_like(hidden)
    for i, dilation in enumerate(DILATIONS):
        layer = f"residual_layers.{i}"
        heard = F.pad(hidden + linear(f"{layer}.diffusion_projection", step), (dilation,) * 2)
        taps = w[f"{layer}.dilated_conv.weight"]
        mixed = w[f"{layer}.dilated_conv.bias"][:, None] + sum(
            taps[:, :, j] @ heard[:, j * dilation : j * dilation + len(x)] for j in range(3)
        )
        mixed = mixed + linear(f"{layer}.conditioner_projection", bands)
        gated = torch.sigmoid(mixed[:CHANNELS]) * torch.tanh(mixed[CHANNELS:])
        out = linear(f"{layer}.output_projection", gated)
        hidden = (hidden + out[:CHANNELS]) / math.sqrt(2)
        total = total + out[CHANNELS:]
    gathered = linear("skip_projection", total / math.sqrt(LAYERS)).clamp(min=0)
    return linear("output_projection", gathered)[0]


def test_an_imported_network_equals_a_plain_implementation() -> None:
    tensors = state()
    network = network_of(LAYOUT.convert(content(tensors)))
    x, mel = inputs(3)
    steps = torch.tensor([0.0, 21.0, 33.25], dtype=torch.float64)
    table = step_table(50, 128)
    features = [table[0], table[21], 0.75 * table[33] + 0.25 * table[34]]
    expected = [plain_forward(tensors, *one) for one in zip(x, mel, features, strict=True)]
    with torch.no_grad():
        eps = network(x, network.schedule.level_at(steps), network.encode(mel))
    assert float(eps.abs().max()) > 0.3
    # float32 sums of up to 512 terms of order 1 through a dozen layers.
    torch.testing.assert_close(eps, torch.stack(expected), rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:FutureWarning")
def test_an_imported_network_equals_the_packages_own() -> None:
    model, params = (importlib.import_module(f"diffwave.{name}") for name in ("model", "params"))
    changes = {
        "residual_layers": LAYERS,
        "residual_channels": CHANNELS,
        "dilation_cycle_length": CYCLE,
    }
    parameters = params.AttrDict({**params.params, **changes})
    theirs = model.DiffWave(parameters).eval()
    theirs.load_state_dict(state())
    network = network_of(LAYOUT.convert(content(theirs.state_dict(), dict(parameters))))
    x, mel = inputs(4)
    steps = torch.tensor([0, 7, 30, 49])
    with torch.no_grad():
        condition = network.encode(mel)
        eps = network(x, network.schedule.level_at(steps), condition)
        torch.testing.assert_close(eps, theirs(x, mel, steps)[:, 0], rtol=0, atol=1e-5)
        for t in (0.5, 12.125, 48.75):  # theirs takes a fraction for one item at a time
            alpha = network.schedule.level_at(torch.tensor([t], dtype=torch.float64))
            eps = network(x[:1], alpha, tuple(part[:1] for part in condition))
            expected = theirs(x[:1], mel[:1], torch.tensor([t]))[:, 0]
            torch.testing.assert_close(eps, expected, rtol=0, atol=1e-5)


def test_what_is_imported() -> None:
    assert LAYOUT.recognises(content(state()))
    assert not LAYOUT.recognises(content({"input_projection.weight": torch.zeros(1)}))
    imported = LAYOUT.convert(content(state()))
    assert (imported.track, imported.role) == ("speech", "score_net")
    assert imported.size == {"layers": LAYERS, "channels": CHANNELS, "dilation_cycle": CYCLE}
    assert imported.training == LinearSchedule(50, 1e-4, 0.05)
    assert len(imported.notes) == 1
    assert "22050 Hz" in imported.notes[0]


def test_defaults_are_assumed_and_told() -> None:
    imported = LAYOUT.convert(content(state(), {}))
    assert imported.size["dilation_cycle"] == DiffWaveConfig().dilation_cycle
    assert imported.training == LinearSchedule(50, 1e-4, 0.05)
    assert "the file lacks dilation_cycle_length and noise_schedule" in imported.notes[1]


@pytest.mark.parametrize("form", [list, tuple, torch.tensor, np.array])
def test_the_schedule_in_any_form(form: Any) -> None:
    betas = form(np.linspace(1e-3, 0.03, 40).tolist())
    imported = LAYOUT.convert(content(state(), PARAMETERS | {"noise_schedule": betas}))
    assert imported.training is not None
    assert imported.training.T == 40
    assert imported.training.end == pytest.approx(0.03)
    assert imported.told == ("T", "start", "end")


@pytest.mark.parametrize(
    ("field", "value", "right"),
    [
        ("residual_layers", 30, LAYERS),
        ("residual_channels", 64, CHANNELS),
        ("n_mels", 128, 80),
        ("hop_samples", 300, 256),
        ("unconditional", True, False),
    ],
)
def test_fields_that_contradict_the_tensors(field: str, value: object, right: object) -> None:
    with pytest.raises(ValueError, match=f"{field} is {value}, and only {right} fits the tensors"):
        LAYOUT.convert(content(state(), PARAMETERS | {field: value}))
    imported = LAYOUT.convert(content(state(), PARAMETERS | {field: right, "lr": 1, "n_fft": 512}))
    assert imported.notes[-1] == "fields of the file that were not used: lr, n_fft"


def test_half_precision_is_widened() -> None:
    halved = {name: value.half() for name, value in state().items()}
    imported = LAYOUT.convert(content(halved))
    assert {value.dtype for value in imported.state.values()} == {torch.float32}
    assert torch.equal(imported.state["predict.bias"], halved["output_projection.bias"].float())


def without(part: str) -> dict[str, Tensor]:
    return {name: value for name, value in state().items() if part not in name}


@pytest.mark.parametrize(
    ("tensors", "config", "message"),
    [
        (
            without("spectrogram_upsampler"),
            PARAMETERS,
            "weights.pt holds an unconditional DiffWave; the speech track needs a network",
        ),
        (
            without("residual_layers.3.dilated_conv.bias"),
            PARAMETERS,
            r"weights.pt lacks the tensor 'residual_layers\.3\.dilated_conv\.bias'",
        ),
        (
            state() | {"residual_layers.2.conditioner_projection.weight": torch.zeros(16, 100, 1)},
            PARAMETERS,
            r"'residual_layers\.2\.conditioner_projection\.weight' has the shape \(16, 100, 1\) "
            r"instead of \(16, 80, 1\)",
        ),
        (
            state() | {"residual_layers.4.extra": torch.zeros(1)},
            PARAMETERS,
            r"'residual_layers\.4\.extra' is not a tensor of a network of this size",
        ),
        (
            state() | {"residual_layers.1000000000.extra": torch.zeros(1)},
            PARAMETERS,
            r"lacks the tensor 'residual_layers\.5\.",
        ),
        *(
            (state(), {"noise_schedule": betas}, "noise_schedule must be a list of numbers")
            for betas in ([], "abc", [None, 1], 0.1, torch.ones(2, 2))
        ),
        *(
            (
                state(),
                {"dilation_cycle_length": cycle},
                "dilation_cycle_length must be a number from 1 on",
            )
            for cycle in (0, "x", None, 2.0)
        ),
        (
            state() | {"input_projection.weight": torch.zeros(())},
            PARAMETERS,
            r"'input_projection\.weight' has the shape \(\), which is too few axes",
        ),
        (
            state(),
            {"noise_schedule": [1e-4, 1e-3, 0.05]},
            "weights.pt: noise_schedule does not rise linearly",
        ),
    ],
)
def test_other_networks_are_refused(
    tensors: dict[str, Tensor], config: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        LAYOUT.convert(content(tensors, config))
