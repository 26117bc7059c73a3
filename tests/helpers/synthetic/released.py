"""Weights in the authors' layouts, and plain forward passes with the authors' names."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bddm_ref.networks.diffwave import step_features
from bddm_ref.networks.galr import pad_halves, positions
from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.experiment import LinearSchedule
from benchmarks.interop.base import Content, Imported

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
