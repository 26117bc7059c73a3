"""Folders of diffusers' U-Net: the library's own model is the truth."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDPMScheduler, UNet2DModel
from safetensors.torch import load_file, save_file
from torch import Tensor

from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.experiment import LinearSchedule
from benchmarks.interop.base import Content, Imported
from benchmarks.interop.diffusers_unet import LAYOUT
from benchmarks.tracks.images.diffusers_unet import DiffusersUNet
from benchmarks.tracks.images.track import ImageTrack

WEIGHTS = "diffusion_pytorch_model.safetensors"
STEPS = torch.tensor([0, 7, 500, 999])
TINY = {  # the fields of google/ddpm-cifar10-32's config.json, smaller
    "sample_size": 8,
    "in_channels": 3,
    "out_channels": 3,
    "block_out_channels": [8, 16],
    "down_block_types": ["DownBlock2D", "AttnDownBlock2D"],
    "up_block_types": ["AttnUpBlock2D", "UpBlock2D"],
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "norm_eps": 1e-6,
    "attention_head_dim": None,
    "downsample_padding": 0,
    "flip_sin_to_cos": False,
    "freq_shift": 1,
}
OLD_NAMES = {
    ".to_q.": ".query.",
    ".to_k.": ".key.",
    ".to_v.": ".value.",
    ".to_out.0.": ".proj_attn.",
}


def saved(folder: Path, **changes: Any) -> UNet2DModel:
    """A random model, written as the library writes it."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = UNet2DModel(**TINY | changes).eval()
    model.save_pretrained(folder)
    DDPMScheduler(1000, 1e-4, 0.02).save_pretrained(folder)
    return model


def read(folder: Path) -> Content:
    config = json.loads((folder / "config.json").read_text())
    return Content(folder / WEIGHTS, load_file(folder / WEIGHTS), config)


def network_of(imported: Imported) -> DiffusersUNet:
    """The network that an experiment would build, with the imported weights."""
    training = imported.training
    assert training is not None
    schedule = NoiseSchedule.linear(training.T, training.start, training.end)
    network = ImageTrack.known_networks["score_net"][imported.network](imported.size, schedule)
    assert isinstance(network, DiffusersUNet)
    network.load_state_dict(imported.state)
    return network.eval()


def images(batch: int, sides: tuple[int, int] = (8, 8), channels: int = 3) -> Tensor:
    return torch.randn(batch, channels, *sides, generator=torch.Generator().manual_seed(1))


# -- the network --------------------------------------------------------------------------------


@pytest.mark.parametrize("flip_sin_to_cos", [False, True])
@pytest.mark.parametrize("freq_shift", [0, 1])
def test_integer_steps_agree_exactly(
    tmp_path: Path, flip_sin_to_cos: bool, freq_shift: int
) -> None:
    model = saved(tmp_path, flip_sin_to_cos=flip_sin_to_cos, freq_shift=freq_shift)
    network = network_of(LAYOUT.convert(read(tmp_path)))
    x = images(len(STEPS))
    with torch.no_grad():
        eps = network(x, network.schedule.alphas[STEPS], None)
        assert torch.equal(eps, model(x, STEPS).sample)
        assert not torch.equal(eps, model(x, STEPS.flip(0)).sample)  # the step matters


def test_a_level_between_two_steps_is_a_fractional_step(tmp_path: Path) -> None:
    saved(tmp_path)
    network = network_of(LAYOUT.convert(read(tmp_path)))
    features: list[Tensor] = []
    network.unet.time_proj.register_forward_hook(lambda *call: features.append(call[-1]))
    with torch.no_grad():
        network(images(1), network.schedule.level_at(torch.tensor([7.5])))
    # Sines, then cosines, of t 10000^(-k / (4 - 1)) for the 8 channels of the first resolution.
    angles = 7.5 * 10_000 ** (-torch.arange(4, dtype=torch.float64) / 3)
    expected = torch.cat([angles.sin(), angles.cos()])[None].float()
    torch.testing.assert_close(features[0], expected, rtol=0, atol=2e-6)  # float32 angles up to 7.5


def test_the_published_size() -> None:
    """Ho et al. 2020, section 4, has 35.7 million parameters for CIFAR-10."""
    config = TINY | {
        "sample_size": 32,
        "block_out_channels": [128, 256, 256, 256],
        "down_block_types": ["DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"],
        "up_block_types": ["UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"],
        "layers_per_block": 2,
        "norm_num_groups": 32,
    }
    schedule = NoiseSchedule.linear(1000, 1e-4, 0.02)
    with torch.device("meta"):
        state = UNet2DModel(**config).state_dict()
        content = Content(Path(), state, config | {"_class_name": "UNet2DModel"})
        network = DiffusersUNet(LAYOUT.convert(content).size, schedule)
    assert sum(p.numel() for p in network.parameters()) == 35_746_307


def test_images_of_another_shape_are_refused(tmp_path: Path) -> None:
    saved(tmp_path)
    network = network_of(LAYOUT.convert(read(tmp_path)))
    with pytest.raises(ValueError, match=r"images of 1 channels, but .* make image\.channels 3"):
        network(images(1, channels=1), torch.tensor([0.5]))
    with pytest.raises(ValueError, match=r"images of \(8, 7\) need sides divisible by 2; make"):
        network(images(1, (8, 7)), torch.tensor([0.5]))
    assert network(images(1, (6, 10)), torch.tensor([0.5])).shape == (1, 3, 6, 10)


# -- the importer -------------------------------------------------------------------------------


def test_what_is_imported(tmp_path: Path) -> None:
    saved(tmp_path)
    content = read(tmp_path)
    assert LAYOUT.recognises(content)
    assert not LAYOUT.recognises(replace(content, config={"_class_name": "VQModel"}))
    imported = LAYOUT.convert(content)
    assert (imported.track, imported.role) == ("images", "score_net")
    assert imported.size["image_channels"] == 3
    assert imported.size["block_out_channels"] == [8, 16]
    assert json.loads(json.dumps(imported.size)) == imported.size
    assert imported.training == LinearSchedule(1000, 1e-4, 0.02)
    assert imported.notes[0] == (
        "image.size must be divisible by 2; the network was trained on sample_size = 8"
    )
    assert imported.notes[1].startswith("fields of diffusers' sampler, not used here: ")


def test_old_names_of_attention(tmp_path: Path) -> None:
    model = saved(tmp_path)
    tensors = load_file(tmp_path / WEIGHTS)
    for new, old in OLD_NAMES.items():
        tensors = {name.replace(new, old): value for name, value in tensors.items()}
    assert sum(".proj_attn." in name for name in tensors) == 8  # 4 attentions
    save_file(tensors, tmp_path / WEIGHTS, {"format": "pt"})
    network = network_of(LAYOUT.convert(read(tmp_path)))
    loaded = UNet2DModel.from_pretrained(tmp_path).eval()  # it renames them itself
    x = images(len(STEPS))
    with torch.no_grad():
        eps = network(x, network.schedule.alphas[STEPS])
        assert torch.equal(eps, loaded(x, STEPS).sample)
        assert torch.equal(eps, model(x, STEPS).sample)


def test_the_scheduler_of_a_whole_pipeline(tmp_path: Path) -> None:
    saved(tmp_path / "unet")
    (tmp_path / "unet" / "scheduler_config.json").unlink()
    without = LAYOUT.convert(read(tmp_path / "unet"))
    assert without.training is None
    assert "there is no scheduler_config.json: set training_schedule" in without.notes[1]
    DDPMScheduler(200, 1e-3, 0.05).save_pretrained(tmp_path / "scheduler")
    assert LAYOUT.convert(read(tmp_path / "unet")).training == LinearSchedule(200, 1e-3, 0.05)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"prediction_type": "v_prediction"},
            "scheduler_config.json: prediction_type is 'v_prediction', and .* cannot be imported",
        ),
        (
            {"beta_schedule": "squaredcos_cap_v2"},
            r"beta_schedule \('squaredcos_cap_v2'\) gives betas that do not",
        ),
        (
            {"trained_betas": [0.1, 0.2]},
            "num_train_timesteps is 1000, and trained_betas has 2 values",
        ),
        ({"variance_type": "learned"}, "variance_type is 'learned', and this .* cannot be"),
        ({"use_karras_sigmas": True}, "use_karras_sigmas is True, so that the scheduler samples"),
        ({"rescale_betas_zero_snr": True}, "rescale_betas_zero_snr makes the last alpha of DDPM"),
    ],
)
def test_other_processes_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    saved(tmp_path)
    DDPMScheduler().save_pretrained(tmp_path)
    file = tmp_path / "scheduler_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(ValueError, match=message):
        LAYOUT.convert(read(tmp_path))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is no JSON: Expecting"),
        ("{}", "has no training schedule, but empty dictionary"),
        ("[]", "must hold an object, not a list"),
    ],
)
def test_no_scheduler_at_all(tmp_path: Path, text: str, told: str) -> None:
    saved(tmp_path)
    (tmp_path / "scheduler_config.json").write_text(text)
    with pytest.raises(ValueError, match=f"scheduler_config.json {told}"):
        LAYOUT.convert(read(tmp_path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time_embedding_type": "fourier"}, "time_embedding_type = 'fourier' is not supported"),
        ({"num_class_embeds": 10}, "num_class_embeds = 10 is not supported, only None"),
        ({"center_input_sample": True}, "center_input_sample = True is not supported"),
        ({"out_channels": 6}, "the network has 3 input and 6 output channels; the image track"),
    ],
)
def test_other_networks_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    saved(tmp_path, **change)
    with pytest.raises(ValueError, match=f"{WEIGHTS}: .*{message}"):
        LAYOUT.convert(read(tmp_path))


def test_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    saved(tmp_path)
    content = read(tmp_path)
    tensors = dict(content.tensors)
    del tensors["conv_in.bias"]
    with pytest.raises(ValueError, match=r"lacks the tensor 'conv_in\.bias'"):
        LAYOUT.convert(replace(content, tensors=tensors))
    with pytest.raises(
        ValueError,
        match=r"config\.json: the installed UNet2DModel has no field 'novelty' \(1\); install",
    ):
        LAYOUT.convert(replace(content, config={**content.config, "novelty": 1}))
    for wrong in ({"norm_num_groups": 0}, {"block_out_channels": []}):
        with pytest.raises(ValueError, match=r"no network can be built from config\.json: "):
            LAYOUT.convert(replace(content, config={**content.config, **wrong}))


def test_without_diffusers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path)
    content = read(tmp_path)
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(ValueError, match=r"pip install 'bddm-benchmark\[diffusers\]'"):
        LAYOUT.convert(content)
