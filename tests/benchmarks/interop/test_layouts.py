"""What no layout takes: refused in one sentence that names the file and the tensor."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from bddm_ref.networks.diffwave import DiffWave, DiffWaveConfig
from bddm_ref.networks.galr import GALR, GALRConfig
from bddm_ref.schedule import NoiseSchedule
from benchmarks.interop.base import Content
from benchmarks.interop.layouts import convert
from benchmarks.interop.released import export_released

DIFFWAVE = DiffWaveConfig(layers=5, channels=6, mels=5, upsampling=(4, 2), embedding=(8, 7, 9))
GALR_SIZE = GALRConfig(blocks=2, width=16, hidden=5, window=4, segment=6, mixtures=3)
BLOCK = "residual_layer.residual_blocks.2"
RATIO = "schedule_net.ratio_nn"


def released_state() -> dict[str, Tensor]:
    """Both networks in the authors' layout."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        networks = (DiffWave(DIFFWAVE, NoiseSchedule((0.5,))), GALR(GALR_SIZE))
    return {k: v for network in networks for k, v in export_released(network).items()}


def content(state: dict[str, Tensor], config: dict[str, Any] | None = None) -> Content:
    return Content(Path("released.pkl"), state, config or {})


def test_the_state_is_one() -> None:
    assert [imported.network for imported in convert(content(released_state()))] == [
        "diffwave",
        "galr",
    ]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (f"{BLOCK}.res_conv.weight_g", rf"{BLOCK}.res_conv.weight_g"),
        ("residual_layer.residual_blocks.0.mel_conv.conv.weight_v", ".0.mel_conv.conv.weight_v"),
        (f"{RATIO}.blocks.1.ld_map.bias", "'blocks.1.ld_map.bias"),
    ],
)
def test_missing_tensors(name: str, shown: str) -> None:
    state = released_state()
    del state[name]
    with pytest.raises(ValueError, match=r"released\.pkl lacks the tensor '") as caught:
        convert(content(state))
    assert shown in str(caught.value)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        (
            f"{BLOCK}.res_conv.bias",
            (7,),
            r"2\.res_conv\.bias' has the shape \(7,\) instead of \(6,",
        ),
        ("init_conv.0.conv.weight_v", (), r"conv\.weight_v' has the shape \(\), which is too few"),
        (
            f"{RATIO}.blocks.0.local_rnn.cell_init",
            (1, 2, 5),
            r"0\.local_rnn\.cell_init' has the shape \(1, 2, 5\) instead of \(5,\)",
        ),
        ("residual_layer.fc_t1.weight", (7, 5), r"step features must be 2 or more pairs, not 5"),
        (f"{BLOCK}.novelty", (1,), r"2\.novelty' is not a tensor of a network of this size"),
        (f"{RATIO}.novelty", (1,), r"'novelty' is not a tensor of a network of this size"),
        # The number of blocks is counted, not read off: a network is made of that many.
        ("residual_layer.residual_blocks.1000000000.x", (1,), r"lacks the tensor .*_blocks\.5\."),
    ],
)
def test_tensors_that_do_not_fit(name: str, shape: tuple[int, ...], message: str) -> None:
    state = released_state() | {name: torch.zeros(shape)}
    with pytest.raises(ValueError, match=rf"^released\.pkl.*{message}"):
        convert(content(state))


@pytest.mark.parametrize(
    ("name", "value", "ours"),
    [
        (f"{BLOCK}.fc_t.bias", math.nan, "blocks.2.step.bias"),
        (f"{RATIO}.block_gate.1.bias", math.inf, "score.bias"),
    ],
)
def test_weights_that_are_not_finite(name: str, value: float, ours: str) -> None:
    state = released_state()
    state[name] = torch.full_like(state[name], value)
    with pytest.raises(ValueError, match=r"released\.pkl: weights are not all finite") as caught:
        convert(content(state))
    assert str(caught.value).endswith(f"the first such tensor is {ours!r}")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"dilation_cycle": 0}, r"released\.pkl: dilation_cycle must be a number from 1 on, not 0"),
        ({"dilation_cycle": "10"}, r"dilation_cycle must be a number from 1 on, not '10'"),
        (
            {"T": "many"},
            r"released\.pkl: T must be a number, not 'many'",
        ),
        ({"beta_T": 2.0}, r"T = 200 with betas from 0\.0001 to 2\.0 is no training schedule"),
    ],
)
def test_configurations_that_make_no_sense(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        convert(content(released_state(), config))
    assert "\n" not in str(caught.value)


def test_an_unknown_layout_is_told_by_its_names() -> None:
    unknown = content({f"part{i}.weight": torch.zeros(1) for i in range(9)})
    with pytest.raises(
        ValueError,
        match=r"^released\.pkl has none of the known layouts \(layout of the BDDM release's .*\): "
        r"found 9 tensors, dictionary of 9 \('part0\.weight': tensor \(1,\) of float32, .*; no "
        r"layout has names like these$",
    ):
        convert(unknown)
