"""Training under ``torchrun``: two processes, one set of weights."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bddm_ref.settings import TrainingConfig
from bddm_ref.training import step_generator, train
from benchmarks.runtime import distributed

SCRIPT = """
import sys
from pathlib import Path
import torch
from torch import nn
from torch.distributed.launcher.api import LaunchConfig, elastic_launch
from benchmarks.runtime import distributed
from bddm_ref.training import TrainingConfig, train

def work(folder):
    torch.set_num_threads(1)
    distributed.join("cpu")
    rank = torch.distributed.get_rank()
    torch.manual_seed(rank)  # the second starts elsewhere: it must take over the first's
    module = nn.Linear(4, 1)
    config = TrainingConfig(steps=5, learning_rate=0.1, clip=1e9, ema_decay=0.5)

    def loss(step, generator):
        return (module(torch.randn(8, 4, generator=generator)) ** 2).mean()

    result, _ = train(module, loss, config, folder / "state.pt")
    torch.save(result.state_dict(), folder / f"rank{rank}.pt")
    distributed.wait_for_all()

# What torchrun does, with processes that are forked, so that torch is imported once.
meeting = {"rdzv_backend": "c10d", "rdzv_endpoint": "localhost:0"}
config = LaunchConfig(1, 1, 2, **meeting, start_method="fork")
elastic_launch(config, work)(Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_two_processes_train_one_network_on_the_mean_gradient(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, second = (torch.load(tmp_path / f"rank{r}.pt", weights_only=True) for r in (0, 1))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = torch.nn.Linear(4, 1)
    config = TrainingConfig(steps=5, learning_rate=0.1, clip=1e9, ema_decay=0.5)

    def both(step: int, generator: torch.Generator) -> torch.Tensor:
        batches = (
            torch.randn(8, 4, generator=step_generator(config.seed, step, rank)) for rank in (0, 1)
        )
        return torch.stack([(module(batch) ** 2).mean() for batch in batches]).mean()

    alone, _ = train(module, both, config)
    for name, value in alone.state_dict().items():
        assert torch.equal(first[name], second[name])
        torch.testing.assert_close(first[name], value, rtol=1e-5, atol=1e-6)


def test_alone_there_is_nothing_to_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    distributed.join("cpu")
    distributed.wait_for_all()
    assert distributed.is_first()
    assert not torch.distributed.is_initialized()


def test_devices_of_local_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert distributed.own_device("cuda") == torch.device("cuda")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert distributed.own_device("cuda") == torch.device("cuda:1")
    assert distributed.own_device("cpu") == torch.device("cpu")
