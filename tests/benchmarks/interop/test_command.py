"""The sub-commands import and export on networks, from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from diffusers import DDPMScheduler, UNet2DModel
from torch import Tensor

from bddm_ref.checkpoint import load_weights
from bddm_ref.networks.diffwave import DiffWave, DiffWaveConfig
from bddm_ref.networks.galr import GALR, GALRConfig
from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.loading import load
from benchmarks.interop import command, selfcheck
from benchmarks.interop.base import Content
from benchmarks.interop.layouts import convert
from benchmarks.interop.released import export_released
from benchmarks.runtime.progress import Progress
from benchmarks.tracks import make_track

SCHEDULE = NoiseSchedule.linear(200, 1e-4, 0.02)
DIFFWAVE = DiffWaveConfig(layers=3, channels=8, dilation_cycle=2, upsampling=(16, 16))
GALR_SIZE = GALRConfig(width=16, hidden=4)
CONFIG = {"T": 200, "beta_0": 1e-4, "beta_T": 0.02, "dilation_cycle": 2}
Run = Callable[..., str]


def state() -> dict[str, Tensor]:
    """Random networks in the authors' layout."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        networks = (DiffWave(DIFFWAVE, SCHEDULE), GALR(GALR_SIZE))
        torch.nn.init.normal_(networks[0].predict.weight)
    return {k: v for network in networks for k, v in export_released(network).items()}


@pytest.fixture
def both(tmp_path: Path) -> Path:
    """A pickle of both networks."""
    torch.save({"config": CONFIG, "model_state_dict": state()}, tmp_path / "BDDM-1.5.pkl")
    return tmp_path / "BDDM-1.5.pkl"


@pytest.fixture
def score(tmp_path: Path) -> Path:
    """A pickle of the score network alone, with nothing beside it."""
    own = {k: v for k, v in state().items() if not k.startswith("schedule_net.")}
    torch.save({"model_state_dict": own}, tmp_path / "DiffWave.pkl")
    return tmp_path / "DiffWave.pkl"


# -- networks -----------------------------------------------------------------------------------


def test_import_of_both_networks(run: Run, both: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = run("import", both, "--to", out)
    assert "layout of the BDDM release's DiffWave, under 'model_state_dict'\n" in said
    assert "diffwave, a score_net of the track speech" in said
    assert "galr, a schedule_net of the track speech" in said
    assert said.count("training    T = 200, beta 0.0001 to 0.02") == 2
    assert said.count("finite, repeatable, and the same from the written file") == 2
    assert said.count("relative error on pure noise (alpha 0.3636)") == 1
    files = {file.name for file in out.iterdir()}
    weights = {f"BDDM-1.5-{role}_net.safetensors" for role in ("score", "schedule")}
    assert files == weights | {f"{name}.sha256" for name in weights} | {"BDDM-1.5.yaml"}


def test_the_fields_make_the_networks(run: Run, both: Path, tmp_path: Path) -> None:
    run("import", both, "--to", tmp_path)
    experiment = load(str(tmp_path / "BDDM-1.5.yaml"))
    assert experiment.training_schedule.T == 200
    assert experiment.score_net.amplitude == 1.0
    assert [convention.name for convention in experiment.conventions] == ["raw"]
    track = make_track(experiment, Progress(), torch.device("cpu"))
    score_net = track.networks.build_score_net()
    load_weights(score_net, Path(experiment.score_net.weights or ""))
    schedule_net = track.networks.build_schedule_net(experiment.conventions[0])
    load_weights(schedule_net, Path(experiment.schedule_net.weights["raw"]))
    theirs = state()
    for network in (score_net, schedule_net):
        for name, value in export_released(network).items():
            assert torch.equal(value, theirs[name]), name


def test_the_default_folder(run: Run, score: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(score.parent)
    run("import", score)
    assert Path("runs/imported/DiffWave.safetensors").is_file()
    text = Path("runs/imported/DiffWave.yaml").read_text()
    # Not in the repository, hence an absolute path.
    assert yaml.safe_load(text)["score_net"]["weights"] == str(
        score.parent / "runs/imported/DiffWave.safetensors"
    )


def test_a_training_schedule_that_the_file_does_not_tell(
    run: Run, score: Path, tmp_path: Path
) -> None:
    said = run("import", score, "--to", tmp_path, "--training", "wavegrad")
    assert "training    T = 1000, beta 1e-06 to 0.01" in said
    assert "the file lacks dilation_cycle, T, beta_0, beta_T" in said


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (CONFIG, "--training wavegrad has T = 1000, and the file tells T = 200; leave --training"),
        ({"beta_T": 0.05}, "--training wavegrad has end = 0.01, and the file tells end = 0.05"),
    ],
)
def test_a_training_schedule_that_the_file_contradicts(
    run: Run, both: Path, tmp_path: Path, config: dict[str, object], message: str
) -> None:
    torch.save({"config": config, "model_state_dict": state()}, both)
    said = run("import", both, "--to", tmp_path / "out", "--training", "wavegrad", status=2)
    assert f"BDDM-1.5.pkl: {message}" in said
    assert not (tmp_path / "out").exists()


def test_wrapped_weights_are_told(run: Run, both: Path, tmp_path: Path) -> None:
    average = {f"ema_model.{name}": value for name, value in state().items()}
    plain = {f"_orig_mod.model.{name}": value * 2 for name, value in state().items()}
    torch.save({"config": CONFIG, "state_dict": plain | average}, both)
    said = run("import", both, "--to", tmp_path)
    assert "DiffWave, under 'state_dict', names from 'ema_model.'" in said
    assert (
        "note        a moving average is taken ('state_dict', names from 'ema_model.'); the" in said
    )


def test_the_same_twice_is_fine_and_another_is_refused(
    run: Run, score: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert run("import", score, "--to", out) == run("import", score, "--to", out)
    before = {file: file.read_bytes() for file in out.iterdir()}
    other = {name: value + 1 for name, value in torch.load(score)["model_state_dict"].items()}
    torch.save({"model_state_dict": other}, score)
    said = run("import", score, "--to", out, status=2)
    assert (
        "DiffWave.safetensors exists with other content; remove the file, or name another" in said
    )
    assert {file: file.read_bytes() for file in out.iterdir()} == before


def test_nothing_is_written_where_one_file_is_in_the_way(
    run: Run, score: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "DiffWave.yaml").write_text("mine")
    assert "DiffWave.yaml exists" in run("import", score, "--to", out, status=2)
    assert [file.name for file in out.iterdir()] == ["DiffWave.yaml"]


def test_export_is_the_way_back(run: Run, both: Path, tmp_path: Path) -> None:
    out, back = tmp_path / "out", tmp_path / "back.pkl"
    run("import", both, "--to", out)
    said = run("export", out / "BDDM-1.5.yaml", "--as", "released", "--to", back)
    assert said.count("every tensor is the same when read back") == 2
    assert "note" not in said  # the dilation cycle and the training schedule are known
    first, second = (torch.load(file, weights_only=True) for file in (both, back))
    assert second["config"] == CONFIG
    theirs = first["model_state_dict"]
    assert theirs.keys() == second["model_state_dict"].keys()
    assert all(torch.equal(v, theirs[k]) for k, v in second["model_state_dict"].items())


def test_export_of_weights_alone(run: Run, both: Path, tmp_path: Path) -> None:
    run("import", both, "--to", tmp_path)
    weights = tmp_path / "BDDM-1.5-score_net.safetensors"
    said = run("export", weights, "--as", "released", "--to", tmp_path / "a.pkl")
    assert "diffwave, as layout of the BDDM release's DiffWave" in said
    assert torch.load(tmp_path / "a.pkl")["config"] == CONFIG
    (tmp_path / "BDDM-1.5.yaml").unlink()
    said = run("export", weights, "--as", "released", "--to", tmp_path / "b.pkl")
    assert "no .yaml beside the file names these weights" in said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("track: speech", "a.yaml names no weights; give a weights file"),
        (
            "schedule_net: {weights: {raw: b.safetensors, scaled: c.safetensors}}",
            "a.yaml names several schedule networks; give the weights of one",
        ),
        ("score_net: {weights: absent.safetensors}", "absent.safetensors does not exist"),
        ("score_net: {novelty: 1}", "a.yaml: score_net: unknown field 'novelty'"),
    ],
)
def test_experiments_without_networks_to_export(
    run: Run, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "a.yaml").write_text(text)
    assert message in run("export", tmp_path / "a.yaml", "--as", "released", status=2)


def test_import_of_a_diffusers_folder(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    with torch.random.fork_rng():
        model = UNet2DModel(
            sample_size=8,
            block_out_channels=(8, 16),
            down_block_types=("DownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "UpBlock2D"),
            layers_per_block=1,
            norm_num_groups=4,
        )
    model.save_pretrained(folder)
    DDPMScheduler(1000, 1e-4, 0.02).save_pretrained(folder)
    said = run("import", folder, "--to", tmp_path)
    assert "layout of diffusers' UNet2DModel\n" in said
    assert "diffusers_unet, a score_net of the track images" in said
    experiment = load(str(tmp_path / "tiny.yaml"))
    assert experiment.image.channels == 3
    assert "layout of this project's networks" in run(
        "import", tmp_path / "tiny.safetensors", "--to", tmp_path / "b"
    )


def test_a_network_that_does_not_compute_is_not_written(
    run: Run, score: Path, tmp_path: Path
) -> None:
    content = torch.load(score)
    for last in ("final_conv.0.conv.weight_g", "final_conv.2.conv.weight"):
        content["model_state_dict"][last].fill_(3e38)
    torch.save(content, score)
    said = run("import", score, "--to", tmp_path / "out", status=2)
    assert "output at alpha = " in said
    assert "is not finite" in said
    assert not (tmp_path / "out").exists()


def test_a_network_that_changes_on_its_way_is_told(
    run: Run, score: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(network: torch.nn.Module, path: Path) -> None:
        load_weights(network, path)
        next(network.parameters()).data.add_(1)

    monkeypatch.setattr(command, "load_weights", damaged)
    said = run("import", score, "--to", tmp_path / "out", status=3)
    assert "differs from the converted network" in said


def test_a_network_that_fails_is_told(
    run: Run, score: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_arguments: object) -> Tensor:
        raise TypeError("no such shift")

    monkeypatch.setattr(DiffWave, "forward", failing)
    said = run("import", score, "--to", tmp_path / "out", status=2)
    assert "DiffWave.pkl: the network cannot be evaluated: TypeError: no such shift" in said


def test_networks_that_cannot_be_used_are_told() -> None:
    found = convert(Content(Path("a.pkl"), state(), CONFIG))
    network = selfcheck.network_of(found[1])
    network.register_forward_hook(lambda _network, _arguments, output: torch.rand_like(output))
    with pytest.raises(ValueError, match="output differs the second time"):
        selfcheck.outputs(found[1], network)
    network = selfcheck.network_of(found[1])
    network.register_forward_hook(lambda _network, _arguments, output: output + 1)
    with pytest.raises(ValueError, match="output is not between 0 and 1"):
        selfcheck.outputs(found[1], network)


def test_the_noise_that_a_network_misses() -> None:
    found = convert(Content(Path("a.pkl"), state(), CONFIG))[0]
    network = selfcheck.network_of(found)
    x, eps, alpha = selfcheck._inputs(found, network)
    assert selfcheck.noise_missed(found, network, eps)[1] == 0.0
    assert selfcheck.noise_missed(found, network, torch.zeros_like(eps))[1] == pytest.approx(1)
    level, missed = selfcheck.noise_missed(found, network, x)
    assert level == float(alpha[-1]) == float(SCHEDULE.alphas[-1])
    assert missed == pytest.approx(1 - float(SCHEDULE.deltas[-1]) ** 0.5, rel=1e-5)


# -- refusals -----------------------------------------------------------------------------------


def test_a_folder_that_is_a_file(run: Run, score: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    said = run("import", score, "--to", tmp_path / "file" / "sub", status=2)
    assert "file is a file, not a folder" in said


def test_an_export_under_a_foreign_name_leaves_nothing(
    run: Run, both: Path, tmp_path: Path
) -> None:
    said = run("export", both, "--as", "released", "--to", tmp_path / "back.ckpt2", status=2)
    assert "a checkpoint ends in .safetensors, .pkl" in said
    assert not list(tmp_path.glob("back*"))


def test_files_of_the_other_kind_are_told(run: Run, both: Path, betas: Path) -> None:
    said = run("export", both, "--as", "ns", status=2)
    assert "BDDM-1.5.pkl is no schedule; give a .ns or a .json file" in said
    said = run("export", betas, "--as", "released", status=2)
    assert "is a schedule; --as ns, json or diffusers writes one" in said
