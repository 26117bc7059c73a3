"""Weights below wrappers of any kind, order and nesting; moving averages before plain weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from bddm_ref.extras.networks.diffwave_lmnt import LmntDiffWave
from bddm_ref.networks.diffwave import DiffWaveConfig
from bddm_ref.schedule import NoiseSchedule
from benchmarks.interop import lmnt
from benchmarks.interop.base import Imported
from benchmarks.interop.files import read_content
from benchmarks.interop.layouts import convert

SIZE = DiffWaveConfig(layers=2, channels=8, dilation_cycle=1)
State = Mapping[str, Tensor]


def state(seed: int = 0) -> dict[str, Tensor]:
    """A small DiffWave in the layout of lmnt.com."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = LmntDiffWave(SIZE, NoiseSchedule((0.5,)))
    return {lmnt._their_name(name): value for name, value in network.state_dict().items()}


PLAIN, AVERAGE = state(0), state(1)
FIRST = "input_projection.weight"


def below(prefix: str, tensors: State) -> dict[str, Tensor]:
    return {f"{prefix}{name}": value for name, value in tensors.items()}


def imported(tmp_path: Path, content: Any) -> Imported:
    torch.save(content, tmp_path / "a.pt")
    (found,) = convert(read_content(tmp_path / "a.pt"))
    return found


def is_from(found: Imported, tensors: State) -> bool:
    theirs = {lmnt._their_name(name): value for name, value in found.state.items()}
    return theirs.keys() == tensors.keys() and all(
        torch.equal(value, tensors[name]) for name, value in theirs.items()
    )


# -- wrappers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "prefix",
    [
        "module.",
        "_orig_mod.",
        "_orig_mod.module.",
        "module._orig_mod.",
        "module.module.",
        "_fsdp_wrapped_module.",
        "_forward_module.module._orig_mod.",
        "model.",
        "net.",
        "model._orig_mod.",
        "_orig_mod.model.net.",
        "denoiser.backbone.module.",
    ],
)
@pytest.mark.parametrize("key", [None, "state_dict", "anything"])
def test_prefixes_in_any_order(tmp_path: Path, prefix: str, key: str | None) -> None:
    tensors = below(prefix, PLAIN)
    found = imported(tmp_path, tensors if key is None else {"epoch": 3, key: tensors})
    assert is_from(found, PLAIN)


def test_wrappers_inside_of_names(tmp_path: Path) -> None:
    inner = {
        name.replace("residual_layers.1.", "residual_layers.1._checkpoint_wrapped_module.")
        .replace("residual_layers.0.", "residual_layers._fsdp_wrapped_module.0._orig_mod.")
        .replace("skip_projection.", "skip_projection._orig_mod."): value
        for name, value in PLAIN.items()
    }
    assert is_from(imported(tmp_path, inner), PLAIN)


def test_the_wrappers_themselves(tmp_path: Path) -> None:
    network = LmntDiffWave(SIZE, NoiseSchedule((0.5,)))
    renamed = nn.Module()
    for name, value in network.state_dict().items():
        place: nn.Module = renamed
        *parents, last = lmnt._their_name(name).split(".")
        for part in parents:
            if not hasattr(place, part):
                place.add_module(part, nn.Module())
            place = getattr(place, part)
        place.register_buffer(last, value)
    expected = renamed.state_dict()
    for wrapped in (
        nn.DataParallel(renamed),
        torch.compile(nn.DataParallel(torch.compile(renamed))),
    ):
        assert isinstance(wrapped, nn.Module)
        assert is_from(imported(tmp_path, wrapped.state_dict()), expected)
    averaged = AveragedModel(renamed).state_dict()
    assert "n_averaged" in averaged
    assert is_from(imported(tmp_path, averaged), expected)


def test_lightning(tmp_path: Path) -> None:
    content = {
        "epoch": 7,
        "pytorch-lightning_version": "2.4",
        "state_dict": below("model.", PLAIN) | {"loss.window": torch.ones(4)},
        "hyper_parameters": {"dilation_cycle_length": 2, "lr": 1e-4},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(3)}}}],
    }
    found = imported(tmp_path, content)
    assert is_from(found, PLAIN)
    assert found.size["dilation_cycle"] == 2
    assert found.notes[0] == (
        "1 tensors whose names do not start with 'model.' were not read, the first is 'loss.window'"
    )


def test_plain_values_beside_tensors(tmp_path: Path) -> None:
    assert is_from(imported(tmp_path, PLAIN | {"step": 5, "name": "best"}), PLAIN)


@pytest.mark.parametrize("content", [[PLAIN], (PLAIN, {"epoch": 3}), {"nets": [{}, PLAIN]}])
def test_weights_in_lists(tmp_path: Path, content: Any) -> None:
    assert is_from(imported(tmp_path, content), PLAIN)


def test_other_networks_are_told(tmp_path: Path) -> None:
    other = {"a.weight": torch.ones(2, 2)}
    found = imported(tmp_path, {"discriminator": other, "generator": PLAIN})
    assert is_from(found, PLAIN)
    assert "other tensors of the file were not read: below 'discriminator'" in found.notes


# -- moving averages ----------------------------------------------------------------------------


def undotted(tensors: State) -> dict[str, Tensor]:
    """Names as LitEma of latent diffusion writes them."""
    return {name.replace(".", ""): value for name, value in tensors.items()}


WITH_AVERAGES: dict[str, dict[str, Any]] = {
    "ema": {"model": PLAIN, "ema": AVERAGE},
    "ema_state_dict": {"state_dict": PLAIN, "ema_state_dict": AVERAGE},
    "model_ema": {"model": PLAIN, "model_ema": AVERAGE},
    "state_dict_ema": {"state_dict": PLAIN, "state_dict_ema": below("module.", AVERAGE)},
    "params_ema": {"params": PLAIN, "params_ema": AVERAGE},
    "ema.shadow": {"model": PLAIN, "ema": {"decay": 0.999, "shadow": AVERAGE}},
    "ema-pytorch": {
        "step": 10,
        "model": below("model.", PLAIN),
        "opt": {"state": {}},
        "ema": below("online_model.model.", PLAIN)
        | below("ema_model.model.", AVERAGE)
        | {"initted": torch.tensor(True), "step": torch.tensor(10)},
    },
    "in one state": {"state_dict": below("model.", PLAIN) | below("ema_model.", AVERAGE)},
    "at the root": PLAIN | below("ema.", AVERAGE),
    "compiled": {
        "state_dict": below("_orig_mod.net.", PLAIN) | below("_orig_mod.net_ema.", AVERAGE)
    },
    "LitEma": {
        "state_dict": below("model.", PLAIN)
        | below("model_ema.", undotted(AVERAGE))
        | {"model_ema.decay": torch.tensor(0.999), "model_ema.num_updates": torch.tensor(3)}
    },
    "shadow_params": {
        "model": PLAIN,
        "ema": {"decay": 0.999, "shadow_params": [*AVERAGE.values()], "collected_params": None},
    },
    "in capitals": {"model": PLAIN, "modelEMA": AVERAGE},
    "Polyak": {"net": PLAIN, "net_polyak": AVERAGE},
    "a callback of Lightning": {
        "state_dict": below("model.", PLAIN),
        "callbacks": {
            "ModelCheckpoint{'monitor': 'loss_ema'}": {"best_model_score": torch.tensor(0.1)},
            "EMACallback{'decay': 0.999}": {"state_dict": below("model.", AVERAGE)},
        },
    },
    "SWA of Lightning": {
        "state_dict": below("model.", PLAIN),
        "callbacks": {"StochasticWeightAveraging": {"average_model_state": AVERAGE}},
    },
    "an optimizer of NeMo": {
        "state_dict": below("model.", PLAIN),
        "optimizer_states": [
            {"opt": {"state": {0: {"exp_avg": torch.ones(3)}}}, "ema": (*AVERAGE.values(),)}
        ],
    },
}


@pytest.mark.parametrize("name", WITH_AVERAGES)
def test_moving_averages_are_taken_and_told(tmp_path: Path, name: str) -> None:
    found = imported(tmp_path, WITH_AVERAGES[name])
    assert is_from(found, AVERAGE)
    (note,) = [one for one in found.notes if "moving average" in one]
    assert note.startswith("a moving average is taken (")
    assert note.endswith(") are not")


def test_tensors_that_an_average_lacks_are_plain(tmp_path: Path) -> None:
    part = {name: value for name, value in AVERAGE.items() if name != FIRST}
    found = imported(tmp_path, {"model": PLAIN, "ema": {"shadow": part}})
    assert is_from(found, AVERAGE | {FIRST: PLAIN[FIRST]})
    assert "1 tensors that the moving average lacks are the plain ones" in found.notes


def test_an_average_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    for average, told in (
        ({"shadow": {"x": torch.ones(2, 2), "y": torch.ones(1)}}, "that this project cannot use: "),
        ({"shadow_params": [torch.ones(2)] * 5}, "without names ('ema.shadow_params': list of 5"),
    ):
        found = imported(tmp_path, {"model": PLAIN, "ema": average})
        assert is_from(found, PLAIN)
        assert any(
            f"also holds a moving average {told[:9]}" in note for note in found.notes
        ) or any(told in note for note in found.notes)
        assert any(told in note for note in found.notes)


# -- messages -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([torch.ones(1)], r"no state dict.*; found list of 1 \(tensor \(1,\) of float32\)$"),
        ({"iter": 3, "model": {}}, r"found dictionary of 2 \('iter': 3, 'model': empty dictionary"),
        (3, "found 3$"),
        (
            {"net": {"a.weight": torch.ones(2, 3), "a.bias": torch.ones(2)}},
            r"found 2 tensors under .net., dictionary of 2 \(.a.weight.: tensor \(2, 3\) of float",
        ),
        ({"a": torch.ones(2, 2), "b": torch.ones(2)}, "; no layout has names like these$"),
        (
            {name.replace("input_projection", "input_conv"): v for name, v in PLAIN.items()},
            r"the nearest is layout of lmnt\.com's diffwave, with \d\d% of the names: the first "
            r"name that it has not is 'input_conv\.",
        ),
        (
            {name: v for name, v in PLAIN.items() if "input_projection" not in name},
            "the nearest is layout of lmnt.* with 100% of the names: the file lacks 'input_project",
        ),
    ],
)
def test_what_no_layout_takes_is_described(tmp_path: Path, content: Any, message: str) -> None:
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=message) as caught:
        convert(read_content(tmp_path / "a.pt"))
    assert "\n" not in str(caught.value)


def test_two_configurations_that_contradict(tmp_path: Path) -> None:
    content = {"config": {"T": 200}, "hparams": {"T": 100}, "model": PLAIN}
    with pytest.raises(ValueError, match="'config' gives T as 200, and 'hparams' as 100"):
        imported(tmp_path, content)


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.complex64])
@pytest.mark.parametrize("name", [FIRST, "input_projection.bias"])
def test_quantised_weights_are_refused(tmp_path: Path, name: str, dtype: torch.dtype) -> None:
    kind = str(dtype).removeprefix("torch.")
    with pytest.raises(ValueError, match=f"{name}' holds {kind} values, .* before quantisation"):
        imported(tmp_path, PLAIN | {name: PLAIN[name].to(dtype)})
