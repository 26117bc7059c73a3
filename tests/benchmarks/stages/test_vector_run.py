"""A score network trained on draws from a known distribution: the analytic track end to end."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from bddm_ref.checkpoint import load_weights
from benchmarks.cli.app import main
from benchmarks.core.loading import load
from benchmarks.data.distributions import distribution
from benchmarks.report.registry import checked
from benchmarks.results.schema import RunResults
from benchmarks.runtime.progress import Progress
from benchmarks.tracks import make_track

pytestmark = pytest.mark.slow


@pytest.fixture
def run(tiny_run: Callable[[str], Any]) -> Any:
    """The finished tiny run."""
    return tiny_run("vectors")


@pytest.fixture
def place(run: Any) -> Path:
    """The folder of the finished tiny run."""
    return Path(run.root)


def test_samples_of_the_trained_network_come_near_the_data(place: Path) -> None:
    rows = {row.key: row for row in RunResults.read(place / "out" / "analytic.json").rows}
    assert len(rows) == 8
    assert all("kl" not in row.metrics for row in rows.values())
    energy = {key: row.metrics["energy"].value for key, row in rows.items()}
    assert energy["modes/ddpm-200"] < 0.02
    assert energy["modes/ddpm-200"] < energy["modes/ddpm-6"] < energy["modes/ddpm-3"]
    assert checked(place / "out")
    page = (place / "out" / "analytic.md").read_text()
    assert "## Data `modes-2` (trained score network)" in page
    assert "trained on draws from them" in page
    assert "KL is exact" not in page
    assert "Differences of the energy distance (margin 0.005" in page


def test_it_has_learned_the_score(place: Path) -> None:
    experiment = load(str(place / "tiny.yaml"))
    track = make_track(experiment, Progress(Console(quiet=True)), torch.device("cpu"))
    network = track.networks.build_score_net()
    (weights,) = (place / "work" / "score_net").glob("*/weights.safetensors")
    load_weights(network, weights)
    data, generator = distribution("modes-2"), torch.Generator().manual_seed(0)
    for level in (0.2, 0.7, 0.98):
        x_0 = data.sample(1000, generator)
        noise = torch.randn(x_0.shape, generator=generator)
        x = (level * x_0 + (1 - level**2) ** 0.5 * noise).float()
        alpha = torch.full((1000,), level, dtype=torch.float64)
        known = data.eps(x, alpha)
        with torch.inference_mode():
            missed = (network(x, alpha) - known).square().mean() / known.square().mean()
        assert float(missed) < 0.05


def test_the_page_of_networks_holds_it_against_the_exact_score(
    run: Any, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only in the conventions that both have."""
    for count in run.small.items():
        monkeypatch.setattr(*count)
    results = place / "results"
    shutil.copytree(place / "out", results / "networks" / "mine")
    network = "network: vector\n  size: {width: 48, blocks: 2, residual: true}"
    exact = run.text.replace(network, "network: exact").replace(
        "[{name: modes}]", "[{name: modes}, {name: other, data: modes-1}]"
    )
    (place / "exact.yaml").write_text(exact)
    places = ["--workspace", str(place / "work"), "--results", str(results)]
    assert main(["run", str(place / "exact.yaml"), *places]) == 0
    assert main(["networks", str(results)]) == 0
    page = (results / "networks.md").read_text()
    assert "| published (analytic) | exact score | known |" in page
    assert "| mine | `vector`: width 48, blocks 2, residual True | 500 updates, power 2," in page
    assert "`modes`, gain over DDPM in Energy distance" in page
    assert "`other`" not in page


@pytest.mark.parametrize(
    "conventions", ["[{name: a, data: modes-1}, {name: b}]", "[{name: a, error: 0.1}]"]
)
def test_one_network_is_of_one_distribution(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], conventions: str
) -> None:
    (tmp_path / "two.yaml").write_text(run.text.replace("[{name: modes}]", conventions))
    assert main(["train", str(tmp_path / "two.yaml"), "--workspace", str(tmp_path / "work")]) == 2
    assert "a trained score network is of one distribution" in capsys.readouterr().err


def test_the_code_of_each_stage_has_every_function_that_ran(run: Any) -> None:
    assert run.unaccounted == set()
