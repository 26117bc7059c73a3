"""Networks on their way through files, and what a training took."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bddm_ref.checkpoint import save_weights
from bddm_ref.files import DamagedFileError
from bddm_ref.networks.diffwave import DiffWave, DiffWaveConfig
from bddm_ref.schedule import NoiseSchedule
from benchmarks.stages.networks import (
    load_network,
    restore_weight_norm,
    started_from,
)

SIZE = DiffWaveConfig(layers=2, channels=4, embedding=(4, 6, 6))
SCHEDULE = NoiseSchedule.linear(20, 1e-3, 0.2)


def diffwave(seed: int) -> DiffWave:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = DiffWave(SIZE, SCHEDULE)
        for parameter in net.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    return net


def answer(net: DiffWave) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    x, mel = torch.randn(1, 512, generator=generator), torch.randn(1, 80, 3, generator=generator)
    with torch.no_grad():
        eps: torch.Tensor = net(x, SCHEDULE.alphas[3:4], net.encode(mel))
    return eps


def test_weights_with_and_without_weight_norm_are_read(tmp_path: Path) -> None:
    net = diffwave(1)
    expected = answer(net)
    save_weights(net, tmp_path / "normed.safetensors")
    net.fold_weight_norm()
    save_weights(net, tmp_path / "folded.safetensors")
    for name in ("normed", "folded"):
        other = diffwave(2)
        load_network(other, tmp_path / f"{name}.safetensors")
        torch.testing.assert_close(answer(other), expected, rtol=1e-5, atol=1e-5)


def test_folded_weights_can_be_trained_on() -> None:
    net = diffwave(1)
    expected, names = answer(net), {name for name, _ in net.named_parameters()}
    net.fold_weight_norm()
    restore_weight_norm(net)
    assert {name for name, _ in net.named_parameters()} == names
    torch.testing.assert_close(answer(net), expected, rtol=1e-5, atol=1e-5)


def test_training_goes_on_from_folded_weights(tmp_path: Path) -> None:
    net = diffwave(1)
    expected, names = answer(net), {name for name, _ in net.named_parameters()}
    net.fold_weight_norm()
    save_weights(net, tmp_path / "a.safetensors", torch.bfloat16)
    started = started_from(diffwave(2), tmp_path / "a.safetensors")
    assert isinstance(started, DiffWave)
    assert {name for name, _ in started.named_parameters()} == names
    # bfloat16 keeps 8 bits of each weight.
    torch.testing.assert_close(answer(started), expected, rtol=0, atol=0.05)
    assert started_from(net, None) is net


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"nothing")
    digest = "1785cfc3bc6ac7738e8b38cdccd1af12563c2b9070e07af336a1bf8c0f772b6a"
    path.with_name("a.safetensors.sha256").write_text(f"{digest}  a.safetensors\n")
    with pytest.raises(DamagedFileError, match="is not a safetensors file"):
        load_network(diffwave(1), path)
