"""The authors' layouts: against plain forward passes with their names, and there and back."""

from __future__ import annotations

import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bddm_ref.extras.networks.ratio import RatioNet
from bddm_ref.networks.diffwave import DiffWave, DiffWaveConfig, step_features
from bddm_ref.networks.galr import GALR, GALRConfig, pad_halves, positions
from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.experiment import Convention, LinearSchedule
from benchmarks.interop.base import Content, Imported
from benchmarks.interop.files import read_content
from benchmarks.interop.layouts import convert
from benchmarks.interop.released import export_released, save_released
from benchmarks.interop.selfcheck import network_of

SCHEDULE = NoiseSchedule.linear(200, 1e-4, 0.02)
TRAINING = LinearSchedule(200, 1e-4, 0.02)
CHANNELS, MELS, LAYERS, CYCLE, STRIDES = 6, 5, 5, 3, (4, 2)
FEATURES, MIDDLE, EMBEDDING = 8, 7, 9
CONFIG = {"T": 200, "beta_0": 1e-4, "beta_T": 0.02, "dilation_cycle": CYCLE}
WIDTH, HIDDEN, WINDOW, SEGMENT, MIXTURES, BLOCKS = 16, 5, 4, 6, 3, 2
COLUMNS = 4
# float32: sums of some 30 terms of order 1 through some 20 layers.
CLOSE = {"rtol": 0.0, "atol": 1e-5}
BLOCK = "residual_layer.residual_blocks.2"
RATIO = "schedule_net.ratio_nn"


def filled(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(len(shapes))
    return {
        name: torch.randn(shape, generator=generator) / math.sqrt(max(math.prod(shape[1:]), 1))
        for name, shape in shapes.items()
    }


def normed(name: str, *shape: int) -> dict[str, tuple[int, ...]]:
    lengths = (shape[0], *[1] * (len(shape) - 1))
    return {
        f"{name}.weight_g": lengths,
        f"{name}.weight_v": shape,
        f"{name}.bias": shape[1:2] if "upsample" in name else shape[:1],
    }


def plain(name: str, *shape: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def diffwave_state() -> dict[str, Tensor]:
    """Random tensors under the names, and of the shapes, of the released code."""
    shapes = {
        **normed("init_conv.0.conv", CHANNELS, 1, 1),
        **plain("residual_layer.fc_t1", MIDDLE, FEATURES),
        **plain("residual_layer.fc_t2", EMBEDDING, MIDDLE),
        **normed("final_conv.0.conv", CHANNELS, CHANNELS, 1),
        **plain("final_conv.2.conv", 1, CHANNELS, 1),
    }
    for i in range(LAYERS):
        block = f"residual_layer.residual_blocks.{i}"
        shapes |= plain(f"{block}.fc_t", CHANNELS, EMBEDDING)
        shapes |= normed(f"{block}.dilated_conv_layer.conv", 2 * CHANNELS, CHANNELS, 3)
        shapes |= normed(f"{block}.upsample_conv2d.0", 1, 1, 3, 2 * STRIDES[0])
        shapes |= normed(f"{block}.upsample_conv2d.1", 1, 1, 3, 2 * STRIDES[1])
        shapes |= normed(f"{block}.mel_conv.conv", 2 * CHANNELS, MELS, 1)
        shapes |= normed(f"{block}.res_conv", CHANNELS, CHANNELS, 1)
        shapes |= normed(f"{block}.skip_conv", CHANNELS, CHANNELS, 1)
    return filled(shapes)


def galr_state() -> dict[str, Tensor]:
    """Likewise; the table of positions is no random one."""
    shapes: dict[str, tuple[int, ...]] = {
        "encoder.enc_conv.weight": (WIDTH, 1, WINDOW),
        "bottleneck.weight": (WIDTH, WIDTH, 1),
        "block_gate.0.weight": (1,),
        **plain("block_gate.1", 1, WIDTH, 1, 1),
    }
    for i in range(BLOCKS):
        block, attention = f"blocks.{i}", f"blocks.{i}.global_rnn.attn_layer.0"
        for way in ("", "_reverse"):
            shapes[f"{block}.local_rnn.rnn.weight_ih_l0{way}"] = (4 * HIDDEN, WIDTH)
            shapes[f"{block}.local_rnn.rnn.weight_hh_l0{way}"] = (4 * HIDDEN, HIDDEN)
            shapes[f"{block}.local_rnn.rnn.bias_ih_l0{way}"] = (4 * HIDDEN,)
            shapes[f"{block}.local_rnn.rnn.bias_hh_l0{way}"] = (4 * HIDDEN,)
        shapes[f"{block}.local_rnn.cell_init"] = (1, 1, HIDDEN)
        shapes[f"{block}.local_rnn.hidden_init"] = (1, 1, HIDDEN)
        shapes |= plain(f"{block}.local_rnn.proj", WIDTH, 2 * HIDDEN)
        shapes |= plain(f"{block}.ld_map", MIXTURES, SEGMENT)
        shapes |= plain(f"{block}.ld_inv_map", SEGMENT, MIXTURES)
        shapes[f"{attention}.attn.in_proj_weight"] = (3 * WIDTH, WIDTH)
        shapes[f"{attention}.attn.in_proj_bias"] = (3 * WIDTH,)
        shapes |= plain(f"{attention}.attn.out_proj", WIDTH, WIDTH)
        for norm in (f"{block}.local_norm", f"{block}.global_norm", f"{attention}.norm"):
            shapes |= {f"{norm}.weight": (WIDTH,), f"{norm}.bias": (WIDTH,)}
        shapes |= {f"{block}.global_rnn.attn_in_norm.{k}": (WIDTH,) for k in ("weight", "bias")}
    state = filled(shapes)
    for i in range(BLOCKS):
        state[f"blocks.{i}.global_rnn.pos_enc.pe"] = positions(5000, WIDTH)[:, None]
    return state


def released_state() -> dict[str, Tensor]:
    """Both networks, as the trainer of a schedule network saves them."""
    theirs = {f"{RATIO}.{name}": value for name, value in galr_state().items()}
    return diffwave_state() | theirs


def content(state: dict[str, Tensor], config: dict[str, Any] = CONFIG) -> Content:
    return Content(Path("released.pkl"), state, config, "model_state_dict")


def only(imported: tuple[Imported, ...]) -> Imported:
    (one,) = imported
    return one


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    """x ``(2, L)``, alpha ``(2,)``, mel ``(2, MELS, COLUMNS)``."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, COLUMNS * math.prod(STRIDES), generator=generator)
    mel = torch.randn(2, MELS, COLUMNS, generator=generator)
    return x, SCHEDULE.level_at(torch.tensor([3.25, 150.5], dtype=torch.float64)), mel


# -- plain forward passes, with their names -----------------------------------------------------


def plain_diffwave(w: dict[str, Tensor], x: Tensor, alpha: Tensor, mel: Tensor) -> Tensor:
    """eps by the published architecture."""

    def weight(name: str) -> Tensor:
        v = w[f"{name}.weight_v"]
        return w[f"{name}.weight_g"] * v / v.flatten(1).norm(dim=1).reshape(-1, *[1] * (v.ndim - 1))

    def conv(name: str, value: Tensor, dilation: int = 1) -> Tensor:
        kernel = weight(name)
        reach = dilation * (kernel.shape[-1] // 2)
        return F.conv1d(value, kernel, w[f"{name}.bias"], padding=reach, dilation=dilation)

    def dense(name: str, value: Tensor) -> Tensor:
        return F.linear(value, w[f"{name}.weight"], w[f"{name}.bias"])

    step = step_features(SCHEDULE.step_of(alpha), FEATURES).float()
    for layer in ("fc_t1", "fc_t2"):
        step = F.silu(dense(f"residual_layer.{layer}", step))
    hidden = conv("init_conv.0.conv", x[:, None]).relu()
    total = torch.zeros_like(hidden)
    for i in range(LAYERS):
        block = f"residual_layer.residual_blocks.{i}"
        hidden = hidden + dense(f"{block}.fc_t", step)[..., None]
        plane = mel[:, None]
        for j, stride in enumerate(STRIDES):
            name = f"{block}.upsample_conv2d.{j}"
            options = {"stride": (1, stride), "padding": (1, stride // 2)}
            plane = F.conv_transpose2d(plane, weight(name), w[f"{name}.bias"], **options)
            plane = F.leaky_relu(plane, 0.4)
        gates = conv(f"{block}.dilated_conv_layer.conv", hidden, 2 ** (i % CYCLE))
        gates = gates + conv(f"{block}.mel_conv.conv", plane[:, 0])
        gated = gates[:, :CHANNELS].tanh() * gates[:, CHANNELS:].sigmoid()
        total = total + conv(f"{block}.skip_conv", gated)
        hidden = (hidden + conv(f"{block}.res_conv", gated)) / math.sqrt(2)
    total = conv("final_conv.0.conv", total / math.sqrt(LAYERS)).relu()
    last = "final_conv.2.conv"
    return F.conv1d(total, w[f"{last}.weight"], w[f"{last}.bias"])[:, 0]


def below(w: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {k.removeprefix(f"{name}."): v for k, v in w.items() if k.startswith(f"{name}.")}


def plain_galr(w: dict[str, Tensor], x: Tensor) -> Tensor:
    """sigma_phi: segments are ``(B, width, S, K)``."""
    frames = F.conv1d(pad_halves(x[:, None], WINDOW), w["encoder.enc_conv.weight"], stride=2)
    frames = F.conv1d(frames.relu(), w["bottleneck.weight"])
    segments = pad_halves(frames, SEGMENT).unfold(-1, SEGMENT, SEGMENT // 2)
    for i in range(BLOCKS):
        block = below(w, f"blocks.{i}")
        for layer, norm in ((plain_local, "local_norm"), (plain_global, "global_norm")):
            update = layer(block, segments)
            affine = below(block, norm)
            update = F.group_norm(update, 1, affine["weight"], affine["bias"])
            segments = segments + update
    segments = F.prelu(segments, w["block_gate.0.weight"])
    score = F.conv2d(segments, w["block_gate.1.weight"], w["block_gate.1.bias"])
    return torch.sigmoid(score.mean(dim=(1, 2, 3)))


def plain_local(w: dict[str, Tensor], segments: Tensor) -> Tensor:
    batch, width, count, length = segments.shape
    lstm = nn.LSTM(width, HIDDEN, batch_first=True, bidirectional=True)
    lstm.load_state_dict(below(w, "local_rnn.rnn"))
    first = [w[f"local_rnn.{k}_init"].repeat(2, batch * count, 1) for k in ("hidden", "cell")]
    output, _ = lstm(segments.permute(0, 2, 3, 1).flatten(0, 1), tuple(first))
    output = F.linear(output, w["local_rnn.proj.weight"], w["local_rnn.proj.bias"])
    return output.view(batch, count, length, width).permute(0, 3, 1, 2)


def plain_global(w: dict[str, Tensor], segments: Tensor) -> Tensor:
    batch, width, count, _ = segments.shape
    mixed = F.linear(segments, w["ld_map.weight"], w["ld_map.bias"])  # (B, width, S, mixtures)
    sequences = mixed.permute(2, 0, 3, 1).flatten(1, 2)  # (S, B mixtures, width)
    affine = below(w, "global_rnn.attn_in_norm")
    sequences = F.layer_norm(sequences, (width,), affine["weight"], affine["bias"])
    sequences = sequences + w["global_rnn.pos_enc.pe"][:count]
    attention = nn.MultiheadAttention(width, 8)
    attention.load_state_dict(below(w, "global_rnn.attn_layer.0.attn"))
    output, _ = attention(sequences, sequences, sequences)
    affine = below(w, "global_rnn.attn_layer.0.norm")
    output = F.layer_norm(2 * output, (width,), affine["weight"], affine["bias"])
    output = output.view(count, batch, MIXTURES, width).permute(1, 3, 0, 2)
    return F.linear(output, w["ld_inv_map.weight"], w["ld_inv_map.bias"])


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
