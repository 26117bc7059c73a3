"""Folders of diffusers: variants, several files, moving averages, and parts of pipelines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDPMScheduler, UNet2DModel
from diffusers.training_utils import EMAModel
from safetensors.torch import load_file, save_file

from benchmarks.interop.base import Imported
from benchmarks.interop.files import read_content
from benchmarks.interop.layouts import convert

WEIGHTS = "diffusion_pytorch_model"
NAME = "conv_in.weight"


def network(seed: int = 0) -> UNet2DModel:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return UNet2DModel(
            sample_size=8,
            block_out_channels=(8, 8),
            down_block_types=("DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D"),
            layers_per_block=1,
            norm_num_groups=4,
        )


def imported(folder: Path) -> Imported:
    (found,) = convert(read_content(folder))
    return found


def first(model: UNet2DModel) -> torch.Tensor:
    return model.state_dict()[NAME]


@pytest.mark.parametrize("variant", ["fp16", "bf16"])
@pytest.mark.parametrize("safe", [True, False])
def test_variants_of_lower_precision(tmp_path: Path, variant: str, safe: bool) -> None:
    model = network().to(torch.float16 if variant == "fp16" else torch.bfloat16)
    model.save_pretrained(tmp_path, variant=variant, safe_serialization=safe)
    found = imported(tmp_path)
    assert found.state[f"unet.{NAME}"].dtype == torch.float32
    assert torch.equal(found.state[f"unet.{NAME}"], first(model).float())
    network(1).save_pretrained(tmp_path)
    found = imported(tmp_path)
    assert torch.equal(found.state[f"unet.{NAME}"], first(network(1)))
    assert any(f"not read: {WEIGHTS}.{variant}." in note for note in found.notes)


@pytest.mark.parametrize("variant", [None, "fp16"])
@pytest.mark.parametrize("safe", [True, False])
def test_several_files(tmp_path: Path, variant: str | None, safe: bool) -> None:
    model = network()
    model.save_pretrained(tmp_path, max_shard_size="20KB", variant=variant, safe_serialization=safe)
    (index,) = tmp_path.glob("*.index*.json")
    files = sorted(file for file in tmp_path.glob("*-of-*"))
    assert len(files) > 2
    for place in (tmp_path, index):
        found = imported(place)
        assert all(torch.equal(found.state[f"unet.{k}"], v) for k, v in model.state_dict().items())
    with pytest.raises(ValueError, match="is one of several files of a network; give their folder"):
        read_content(files[0])
    files[1].unlink()
    with pytest.raises(ValueError, match=f"names '{files[1].name}', which does not lie beside it"):
        read_content(tmp_path)
    index.unlink()
    with pytest.raises(ValueError, match=r"of .*-of-.* and its like the index"):
        read_content(tmp_path)


def test_indices_that_lie(tmp_path: Path) -> None:
    network().save_pretrained(tmp_path, max_shard_size="20KB")
    (index,) = tmp_path.glob("*.index.json")
    content = json.loads(index.read_text())
    places = content["weight_map"]
    other = next(file for file in places.values() if file != places[NAME])
    for change, message in (
        ({NAME: other}, f"lacks '{NAME}', which .* places there; fetch both"),
        ({NAME: "../secret.safetensors"}, "names '../secret.safetensors', which does not lie"),
    ):
        index.write_text(json.dumps({"weight_map": places | change}))
        with pytest.raises(ValueError, match=message):
            read_content(tmp_path)
    index.write_text("{}")
    with pytest.raises(ValueError, match="has no weight_map, but None; fetch it again"):
        read_content(tmp_path)


def pipeline(folder: Path, **parts: Any) -> None:
    network(0).save_pretrained(folder / "unet")
    DDPMScheduler(200, 1e-3, 0.05).save_pretrained(folder / "scheduler")
    index = {"_class_name": "DDPMPipeline", "unet": ["diffusers", "UNet2DModel"]}
    index |= {"scheduler": ["diffusers", "DDPMScheduler"]} | parts
    (folder / "model_index.json").write_text(json.dumps(index))


def test_a_moving_average_beside_the_network_is_taken(tmp_path: Path) -> None:
    pipeline(tmp_path)
    network(1).save_pretrained(tmp_path / "unet_ema")
    found = imported(tmp_path)
    assert torch.equal(found.state[f"unet.{NAME}"], first(network(1)))
    assert found.training is not None
    assert found.training.T == 200
    assert found.notes[0] == (
        f"unet_ema/ is a moving average and is taken; for the plain weights import {tmp_path}/unet"
    )
    plain = imported(tmp_path / "unet")
    assert torch.equal(plain.state[f"unet.{NAME}"], first(network(0)))
    assert plain.notes[0] == "unet_ema beside it is a moving average; import it instead"


@pytest.mark.parametrize("name", ["UNet_EMA", "ema-model", "unet_averaged", "unet_swa", "average"])
def test_names_of_moving_averages(tmp_path: Path, name: str) -> None:
    pipeline(tmp_path)
    network(1).save_pretrained(tmp_path / name)
    found = imported(tmp_path)
    assert torch.equal(found.state[f"unet.{NAME}"], first(network(1)))
    assert found.notes[0].startswith(f"{name}/ is a moving average and is taken; ")


def test_networks_beside_the_one_that_is_taken_are_named(tmp_path: Path) -> None:
    pipeline(tmp_path)
    for name in ("unet_best", "classifier"):
        network(1).save_pretrained(tmp_path / name)
    found = imported(tmp_path)
    assert torch.equal(found.state[f"unet.{NAME}"], first(network(0)))
    assert found.notes[0] == "unet/ is taken; not read: classifier, unet_best"


def test_the_average_that_diffusers_trains(tmp_path: Path) -> None:
    """Its configuration has fields of the average besides."""
    pipeline(tmp_path)
    model = network(3)
    average = EMAModel(
        model.parameters(), decay=0.9, model_cls=UNet2DModel, model_config=model.config
    )
    average.save_pretrained(tmp_path / "unet_ema")
    assert "optimization_step" in json.loads((tmp_path / "unet_ema/config.json").read_text())
    found = imported(tmp_path)
    assert torch.equal(found.state[f"unet.{NAME}"], first(model))
    assert not {"decay", "optimization_step", "power"} & found.size.keys()


@pytest.mark.parametrize("ending", ["safetensors", "bin"])
def test_a_moving_average_as_a_variant(tmp_path: Path, ending: str) -> None:
    network(0).save_pretrained(tmp_path, safe_serialization=ending == "safetensors")
    network(1).save_pretrained(tmp_path, variant="ema", safe_serialization=ending == "safetensors")
    found = imported(tmp_path)
    assert torch.equal(found.state[f"unet.{NAME}"], first(network(1)))
    assert f"{WEIGHTS}.ema.{ending} is taken; not read: {WEIGHTS}.{ending}" in found.notes
    (tmp_path / f"{WEIGHTS}.ema.{ending}").rename(tmp_path / f"{WEIGHTS}.non_ema.{ending}")
    found = imported(tmp_path)  # the main file is then the average
    assert torch.equal(found.state[f"unet.{NAME}"], first(network(0)))
    assert any(f"not read: {WEIGHTS}.non_ema.{ending}" in note for note in found.notes)


def test_a_network_that_works_on_codes_is_refused(tmp_path: Path) -> None:
    pipeline(tmp_path, vqvae=["diffusers", "VQModel"], tokenizer=[None, None])
    for place in (tmp_path, tmp_path / "unet"):
        with pytest.raises(
            ValueError, match=r"model_index\.json names vqvae beside the network: it"
        ):
            read_content(place)


def test_folders_with_several_networks(tmp_path: Path) -> None:
    for name in ("small", "large"):
        network().save_pretrained(tmp_path / name)
    with pytest.raises(ValueError, match="has several networks, large, small; give the folder of"):
        read_content(tmp_path)
    (tmp_path / "large" / "config.json").unlink()
    assert imported(tmp_path).network == "diffusers_unet"
    for name in ("unet_ema", "ema"):
        network().save_pretrained(tmp_path / name)
    with pytest.raises(ValueError, match="has several moving averages, ema, unet_ema; give one"):
        read_content(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"novelty": 1}, r"config\.json: the installed UNet2DModel has no field 'novelty' \(1\)"),
        ({"act_fun": "silu"}, r"no field 'act_fun' \('silu'\) \(did you mean 'act_fn'\?\)"),
        ({"_class_name": "UNet2DConditionModel"}, "tensors of the class UNet2DConditionModel"),
    ],
)
def test_fields_of_the_network_that_are_not_known(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    network().save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(ValueError, match=message):
        imported(tmp_path)


def test_two_schedules_that_differ(tmp_path: Path) -> None:
    pipeline(tmp_path)
    DDPMScheduler(1000).save_pretrained(tmp_path / "unet")
    with pytest.raises(ValueError, match="give different schedules; remove the wrong one"):
        imported(tmp_path / "unet")
    DDPMScheduler(200, 1e-3, 0.05).save_pretrained(tmp_path / "unet")
    assert imported(tmp_path / "unet").training is not None


def test_averaged_weights_of_a_bin_file(tmp_path: Path) -> None:
    network(0).save_pretrained(tmp_path)
    state = load_file(tmp_path / f"{WEIGHTS}.safetensors")
    (tmp_path / f"{WEIGHTS}.safetensors").unlink()
    torch.save({f"_orig_mod.{name}": v for name, v in state.items()}, tmp_path / f"{WEIGHTS}.bin")
    assert torch.equal(imported(tmp_path).state[f"unet.{NAME}"], state[NAME])
    save_file({f"module.{k}": v for k, v in state.items()}, tmp_path / f"{WEIGHTS}.safetensors")
    (tmp_path / f"{WEIGHTS}.bin").unlink()
    assert torch.equal(imported(tmp_path).state[f"unet.{NAME}"], state[NAME])
