"""The authors' layouts: against plain forward passes with their names, and there and back."""

from __future__ import annotations

import math
from dataclasses import fields
from pathlib import Path

import pytest
import torch

from bddm_ref.extras.networks.ratio import RatioNet
from bddm_ref.networks.diffwave import DiffWave, DiffWaveConfig
from bddm_ref.networks.galr import GALR, GALRConfig
from benchmarks.core.experiment import Convention, LinearSchedule
from benchmarks.interop.files import read_content
from benchmarks.interop.layouts import convert
from benchmarks.interop.released import export_released, save_released
from benchmarks.interop.selfcheck import network_of
from synthetic.released import (
    BLOCKS,
    CHANNELS,
    CLOSE,
    CONFIG,
    CYCLE,
    EMBEDDING,
    FEATURES,
    HIDDEN,
    LAYERS,
    MELS,
    MIDDLE,
    MIXTURES,
    RATIO,
    SCHEDULE,
    SEGMENT,
    STRIDES,
    TRAINING,
    WIDTH,
    WINDOW,
    content,
    diffwave_state,
    galr_state,
    inputs,
    only,
    plain_diffwave,
    plain_galr,
    released_state,
)


@torch.no_grad()
def test_an_imported_diffwave_equals_a_plain_implementation() -> None:
    state = diffwave_state()
    network = network_of(only(convert(content(state))))
    assert isinstance(network, DiffWave)
    x, alpha, mel = inputs()
    eps = network(x, alpha, network.encode(mel))
    torch.testing.assert_close(eps, plain_diffwave(state, x, alpha, mel), **CLOSE)
    assert float(eps.abs().max()) > 0.1


@torch.no_grad()
def test_an_imported_galr_equals_a_plain_implementation() -> None:
    state = galr_state()
    theirs = {f"{RATIO}.{name}": value for name, value in state.items()}
    network = network_of(only(convert(content(theirs))))
    x = torch.randn(3, 61, generator=torch.Generator().manual_seed(2))
    ratio = network(x)
    torch.testing.assert_close(ratio, plain_galr(state, x), **CLOSE)
    assert float(ratio.std()) > 1e-3  # it depends on the item by more than the tolerance


# -- what is imported ---------------------------------------------------------------------------


def test_a_file_may_hold_both_networks() -> None:
    score, schedule = convert(content(released_state(), CONFIG | {"sampling_rate": 16_000}))
    assert (score.track, score.role, score.network) == ("speech", "score_net", "diffwave")
    assert score.size == {
        "layers": LAYERS,
        "channels": CHANNELS,
        "dilation_cycle": CYCLE,
        "mels": MELS,
        "upsampling": [*STRIDES],
        "embedding": [FEATURES, MIDDLE, EMBEDDING],
    }
    assert score.training == schedule.training == TRAINING
    assert score.amplitude == 1.0
    assert (schedule.role, schedule.network) == ("schedule_net", "galr")
    assert schedule.convention == Convention("raw")
    assert schedule.size == {
        "blocks": BLOCKS,
        "width": WIDTH,
        "hidden": HIDDEN,
        "window": WINDOW,
        "segment": SEGMENT,
        "mixtures": MIXTURES,
        "heads": 8,
    }
    assert "trained on recordings of 16000 Hz" in score.notes[0]
    assert not any("the file lacks" in note for note in (*score.notes, *schedule.notes))


def test_defaults_are_assumed_and_told() -> None:
    score, schedule = convert(content(released_state(), {}))
    assert score.size["dilation_cycle"] == 10
    assert score.training == TRAINING
    assert (
        "the file lacks dilation_cycle, T, beta_0, beta_T: values of the released"
        in score.notes[-2]
    )
    assert "sampling folds weight norm" in score.notes[-1]
    assert "the file lacks T, beta_0, beta_T: values of the released" in schedule.notes[-1]


@pytest.mark.parametrize(
    ("field", "value", "right"),
    [
        ("num_res_layers", 99, LAYERS),
        ("res_channels", 99, CHANNELS),
        ("n_mels", 99, MELS),
        ("hop_len", 99, math.prod(STRIDES)),
        ("diffusion_step_embed_dim_in", 99, FEATURES),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_fields_that_contradict_the_tensors(
    field: str, value: object, right: object, nested: bool
) -> None:
    for given in (value, right):
        config = {"wavenet_config": {field: given}} if nested else {field: given}
        if given == right:
            assert convert(content(released_state(), config))
        else:
            with pytest.raises(ValueError, match=f"{field} is {value}, and only {right} fits the"):
                convert(content(released_state(), config))


def test_a_nested_configuration_is_read() -> None:
    config = {"diffusion_config": {"T": 50, "beta_0": 1e-3, "beta_T": 0.05}, "lr": 1e-4}
    score, schedule = convert(content(released_state(), config))
    assert score.training == schedule.training == LinearSchedule(50, 1e-3, 0.05)
    assert score.told == ("T", "start", "end")
    assert score.notes[-1] == "fields of the file that were not used: lr"
    with pytest.raises(ValueError, match=r"contradicts itself: T is 200, and 50 in 'diffusion_con"):
        convert(content(released_state(), {"T": 200} | config))


def test_betas_beside_the_training_schedule_agree() -> None:
    config = {"T": 50, "beta_0": 1e-3, "beta_T": 0.05}
    line = torch.linspace(1e-3, 0.05, 50)
    assert convert(content(released_state(), config | {"betas": line}))
    for betas in (line[:49], line * 1.01, line.flip(0)):
        with pytest.raises(ValueError, match=r"contradicts itself: betas is list of .*in 50 steps"):
            convert(content(released_state(), config | {"betas": betas}))


def test_a_schedule_network_saved_by_itself() -> None:
    theirs = {f"ratio_nn.{name}": value for name, value in galr_state().items()}
    assert only(convert(content(theirs))).network == "galr"


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        (
            "residual_layer.fc_t1.weight",
            "belongs to an incomplete DiffWave: 'residual_layer.fc_t1",
        ),
        ("init_conv.0.conv.weight_v", "belongs to an incomplete DiffWave: 'init_conv.0.conv"),
        (f"{RATIO}.encoder.enc_conv.weight", "belongs to an incomplete GALR: 'schedule_net.ratio"),
    ],
)
def test_half_of_a_file_is_not_left_out_in_silence(lost: str, message: str) -> None:
    tensors = {name: value for name, value in released_state().items() if name != lost}
    with pytest.raises(ValueError, match=message):
        convert(content(tensors))


def test_what_a_schedule_network_has_beside_its_galr_is_told() -> None:
    tensors = released_state() | {"schedule_net.extra": torch.ones(2)}
    score, schedule = convert(content(tensors))
    assert any("1 tensors of the schedule network do not" in note for note in schedule.notes)
    assert not any("schedule network" in note for note in score.notes)


@pytest.mark.parametrize("value", [torch.ones(1), "200", None, True])
def test_a_configuration_that_is_no_number(value: object) -> None:
    with pytest.raises(ValueError, match="beta_0 must be a number, not "):
        convert(content(released_state(), CONFIG | {"beta_0": value}))


def test_half_precision_is_widened() -> None:
    halved = {name: value.half() for name, value in released_state().items()}
    for imported in convert(content(halved)):
        assert {value.dtype for value in imported.state.values()} == {torch.float32}
    bias = convert(content(halved))[0].state["predict.bias"]
    assert torch.equal(bias, halved["final_conv.2.conv.bias"].float())


def test_the_released_sizes_are_recognised() -> None:
    networks = (DiffWave(DiffWaveConfig(), SCHEDULE), GALR())
    state = {k: v for network in networks for k, v in export_released(network).items()}
    score, schedule = convert(content(state, {}))
    size = {k: tuple(v) if isinstance(v, list) else v for k, v in score.size.items()}
    assert DiffWaveConfig(**size) == DiffWaveConfig()
    assert size.keys() == {field.name for field in fields(DiffWaveConfig)}
    assert GALRConfig(**schedule.size) == GALRConfig()
    # The counts of test_diffwave.py and test_galr.py: tables of positions are no weights.
    assert sum(v.numel() for v in score.state.values()) == 6_914_297
    assert sum(v.numel() for v in schedule.state.values()) == 383_050


# -- and back -----------------------------------------------------------------------------------


def test_exported_and_imported_again_nothing_changes(tmp_path: Path) -> None:
    state = released_state()
    found = convert(content(state))
    networks = [network_of(imported) for imported in found]
    path = tmp_path / "back.pkl"
    save_released(networks, TRAINING, path)
    saved = torch.load(path, weights_only=True)
    assert saved["model_state_dict"].keys() == state.keys()
    for name, value in state.items():
        assert torch.equal(saved["model_state_dict"][name], value), name
    assert "schedule_net_training_step" in saved
    again = [network_of(imported) for imported in convert(read_content(path))]
    x, alpha, mel = inputs()
    with torch.inference_mode():
        eps = [net(x, alpha, net.encode(mel)) for net in (networks[0], again[0])]  # type: ignore[operator]
        ratios = [net(x) for net in (networks[1], again[1])]
    assert torch.equal(*eps)
    assert torch.equal(*ratios)
    assert float(eps[0].abs().max()) > 0.1


def test_a_score_network_alone(tmp_path: Path) -> None:
    imported = only(convert(content(diffwave_state(), CONFIG | {"T": 100})))
    save_released([network_of(imported)], LinearSchedule(100, 1e-4, 0.02), tmp_path / "a.pkl")
    assert "schedule_net_training_step" not in torch.load(tmp_path / "a.pkl", weights_only=True)
    again = only(convert(read_content(tmp_path / "a.pkl")))
    assert (again.size, again.training) == (imported.size, imported.training)
    assert not any("the file lacks" in note for note in again.notes)


def test_what_their_code_cannot_compute_is_refused() -> None:
    with pytest.raises(ValueError, match="has the networks 'diffwave' and 'galr', not RatioNet"):
        export_released(RatioNet())
    with pytest.raises(ValueError, match="attention has 4 heads; the released code always has 8"):
        export_released(GALR(GALRConfig(width=16, heads=4)))
    folded = network_of(only(convert(content(diffwave_state()))))
    assert isinstance(folded, DiffWave)
    folded.fold_weight_norm()
    with pytest.raises(ValueError, match="weight norm is folded"):
        export_released(folded)
