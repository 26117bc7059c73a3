"""A change of code makes the stages anew that depend on it, and no others."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from benchmarks.contestants import CONTESTANTS
from benchmarks.contestants.base import Sampler
from benchmarks.contestants.plugins import contestant, with_contestant
from benchmarks.core.loading import load
from benchmarks.runtime import checkout
from benchmarks.runtime.code import modules
from benchmarks.runtime.code.closure import Code, code_of
from benchmarks.runtime.progress import Progress
from benchmarks.runtime.workspace import Workspace
from benchmarks.searches import SEARCHES
from benchmarks.stages.context import Context
from benchmarks.stages.networks import evaluation_code, network_code
from benchmarks.stages.sample import sampling_code
from benchmarks.stages.search import search_code
from benchmarks.stages.train import training_code
from metrics.items import score_item
from metrics.scoring import KNOWN

SPEECH = ("mcd", "pesq_wb_lqo")
ROWS = {"bddm": "ddpm", "ddim": "ddim", "fastdpm-var": "ddpm", "analytic-dpm": "analytic"}
ALL_SPEECH = {
    "score_net",
    "schedule_net",
    "search tuned",
    "search closed-form",
    *(f"sample {name}" for name in ROWS),
}
SAMPLES = {f"sample {name}" for name in ROWS}
SEARCHED = {"search tuned", "search closed-form"}


def stage_codes(root: Path, experiment: str = "cpu") -> dict[str, str]:
    """Stage to the checksum of its code, for the files below ``root``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modules, "REPOSITORY", root)
        context = Context(load(experiment), Workspace(root / "runs"), Progress())
        networks = context.track.networks
        found = {
            "score_net": training_code(networks.score_batch_loss)
            | network_code(context, "score_net"),
            "schedule_net": training_code(networks.schedule_batch_loss)
            | network_code(context, "schedule_net")
            | evaluation_code(context),
        }
        for search in ("tuned", "closed-form"):
            found[f"search {search}"] = search_code(context, SEARCHES[search])
        for name, kernel in ROWS.items():
            sampler = Sampler(lambda *_: torch.zeros(1), 1, {"kernel": kernel})
            found[f"sample {name}"] = sampling_code(context, CONTESTANTS[name], sampler)
        if experiment == "cpu":
            found |= {f"score {name}": code_of(score_item, KNOWN[name]) for name in SPEECH}
        return {stage: code.sha256 for stage, code in found.items()}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project's code, in which each test changes a file and restores it."""
    root = tmp_path_factory.mktemp("copy")
    for package in ("bddm_ref", "benchmarks", "metrics"):
        shutil.copytree(checkout.REPOSITORY / package, root / package)
    return root


@pytest.fixture(scope="module")
def before(copy: Path) -> dict[str, dict[str, str]]:
    """The checksums of the unchanged code, by experiment."""
    return {name: stage_codes(copy, name) for name in ("cpu", "images-cpu")}


Changed = Callable[..., set[str]]


@pytest.fixture
def changed(copy: Path, before: dict[str, dict[str, str]]) -> Changed:
    """Gives the stages whose code differs after a text was replaced in a file."""

    def differ(file: str, old: str, new: str, experiment: str = "cpu") -> set[str]:
        path = copy / file
        text = path.read_text()
        assert old in text
        try:
            path.write_text(text.replace(old, new, 1))
            after = stage_codes(copy, experiment)
        finally:
            path.write_text(text)
        return {stage for stage, code in after.items() if code != before[experiment][stage]}

    return differ


PROCESS, RULES = "bddm_ref/process.py", "benchmarks/searches/rules.py"
VOCODER = "bddm_ref/extras/networks/vocoder.py"
LINES = {
    # The papers' pass tries both kernels (Algorithm 3), so that its search depends on both.
    "DDIM's kernel": (
        PROCESS,
        "Coefficients(scale, math.sqrt(delta_before) - scale",
        "Coefficients(scale, 1.1 * math.sqrt(delta_before) - scale",
        {"sample ddim", *SEARCHED},
    ),
    "DDPM's kernel": (
        PROCESS,
        "math.sqrt(delta_before / delta * beta)",
        "math.sqrt(beta)",
        {"sample bddm", "sample fastdpm-var", "sample analytic-dpm", *SEARCHED},
    ),
    "the reverse step": (PROCESS, "before.add_(noise", "before.sub_(noise", SAMPLES | SEARCHED),
    "the score loss": (
        "bddm_ref/losses.py",
        "(noise - eps_theta)",
        "(noise + eps_theta)",
        {"score_net"},
    ),
    "the step loss": (
        "bddm_ref/losses.py",
        "0.5 * (ratio - 1)",
        "0.6 * (ratio - 1)",
        {"schedule_net"},
    ),
    "perturbed starts": ("bddm_ref/scheduling.py", "(0.95, 1.05)", "(0.9, 1.1)", SEARCHED),
    "one search": (RULES, "grid[0].kernel", "grid[-1].kernel", {"search closed-form"}),
    "a constant of a contestant": (
        "benchmarks/contestants/fast_dpm.py",
        "QUADRATIC_END = 0.8",
        "QUADRATIC_END = 0.7",
        {"sample fastdpm-var"},
    ),
    "the measured power": (
        "bddm_ref/extras/by_level.py",
        "alpha, -noise",
        "alpha, noise",
        {"sample analytic-dpm", *SEARCHED},
    ),
    "the score network": (VOCODER, "+ 1e-7)", "+ 1e-6)", ALL_SPEECH),
    "the schedule network": (
        "bddm_ref/extras/networks/ratio.py",
        "power + 1e-8",
        "power + 1e-7",
        {"schedule_net", "search tuned"},
    ),
    "a network of other experiments": (
        "bddm_ref/networks/unet.py",
        "class UNet(",
        "class _U: ...\n\n\nclass UNet(",
        set(),
    ),
    "levels of training": (
        "benchmarks/tracks/speech/networks.py",
        "- 3) / 3",
        "- 3) / 4",
        {"score_net"},
    ),
    "the mel spectrogram": (
        "benchmarks/data/features.py",
        "FLOOR = 1e-5",
        "FLOOR = 1e-4",
        ALL_SPEECH,
    ),
    "silence, for all metrics": (
        "metrics/items.py",
        "SILENCE = 1e-7",
        "SILENCE = 1e-6",
        {*(f"score {name}" for name in SPEECH), *SEARCHED},
    ),
    "another metric": (
        "metrics/speech.py",
        ", MCD_ORDER = 80, 13",
        ", MCD_ORDER = 80, 12",
        {"score mcd"},
    ),
    "noise of items": ("benchmarks/runtime/noise.py", "1_000_003", "1_000_033", SAMPLES | SEARCHED),
}
SILENT = {
    "a comment": (PROCESS, "delta = 1 - alpha**2", "delta = 1 - alpha**2  # variance"),
    "a docstring": (PROCESS, "Compute DDIM's deterministic step", "Make DDIM's step"),
    "the layout": (PROCESS, "x: Tensor, eps: Tensor, coeff", "x: Tensor,\n    eps: Tensor, coeff"),
    "the message of an error": (PROCESS, "this reverse step adds noise", "here is noise"),
    "a title": ("benchmarks/contestants/__init__.py", '"FastDPM, VAR linear, κ = 1"', '"FastDPM"'),
    "a default of the fields": (
        "benchmarks/core/experiment.py",
        "bins: Bins = 9",
        "bins: Bins = 7",
    ),
    "another contestant": ("benchmarks/contestants/online.py", "2 * steps - 1", "2 * steps + 1"),
    "the pages": ("benchmarks/report/markdown.py", "def ", "def  "),
    "the display": ("benchmarks/runtime/progress.py", "def ", "def  "),
}


@pytest.mark.parametrize("what", LINES)
def test_a_changed_line_makes_its_stages_anew_and_no_others(changed: Changed, what: str) -> None:
    file, old, new, stages = LINES[what]
    assert changed(file, old, new) == stages


@pytest.mark.parametrize("what", SILENT)
def test_what_changes_no_result_makes_nothing_anew(changed: Changed, what: str) -> None:
    assert changed(*SILENT[what]) == set()


def test_a_move_to_another_module_makes_nothing_anew(
    copy: Path, before: dict[str, dict[str, str]]
) -> None:
    file = copy / "benchmarks" / "tracks" / "speech" / "networks.py"
    text = file.read_text()
    start, end = text.index("def level_weight("), text.index("def encode(")
    head = '"""Weights of levels."""\n\nimport torch\nfrom torch import Tensor\n\n\n'
    file.with_name("weights.py").write_text(head + text[start:end])
    moved = "from benchmarks.tracks.speech.weights import level_weight\n"
    try:  # at the end, since lambdas that are loaded are found by their lines
        file.write_text(text[:start] + text[end:] + moved)
        assert stage_codes(copy) == before["cpu"]
    finally:
        file.write_text(text)


@pytest.mark.parametrize(
    ("file", "old", "new", "stages"),
    [
        ("bddm_ref/networks/unet.py", 'mode="nearest"', 'mode="area"', {"score_net"}),
        (VOCODER, "+ 1e-7)", "+ 1e-6)", set()),
    ],
)
def test_images_depend_on_their_own_networks(
    changed: Changed, file: str, old: str, new: str, stages: set[str]
) -> None:
    found = changed(file, old, new, "images-cpu")
    assert found >= stages if stages else found == set()


MINE = """
import helper
from bddm_ref.process import ddim_kernel
from benchmarks.contestants.base import kernel_sampler
from bddm_ref.schedule import NoiseSchedule


class Mine:
    title = "Mine"

    def prepare(self, steps, inputs):
        return kernel_sampler(NoiseSchedule(helper.betas(steps)), "own", ddim_kernel)
"""
HELPER = """
from deeper import FIRST  # a comment


def betas(steps):
    return tuple(FIRST * (n + 1) for n in range(steps))
"""


@pytest.fixture
def users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's contestant with two files of helpers, below a name that no other test uses."""
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "helper.py").write_text(HELPER)
    (tmp_path / "deeper.py").write_text("FIRST = 0.01\n")
    for name in ("helper", "deeper"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def users_code(folder: Path) -> Code:
    """The code of the user's contestant."""
    experiment = with_contestant(load("cpu"), f"mine={folder / 'mine.py'}:Mine")
    context = Context(experiment, Workspace(folder / "runs"), Progress())
    sampler = Sampler(lambda *_: torch.zeros(1), 1, {})
    return sampling_code(context, contestant("mine", experiment), sampler)


@pytest.mark.parametrize("file", ["mine.py", "helper.py", "deeper.py"])
def test_a_users_files_count_with_those_that_they_import(users: Path, file: str) -> None:
    first = users_code(users)
    assert set(first.files) == {"mine.py", "helper.py", "deeper.py"}
    assert "bddm_ref.process.ddim_kernel" in first.parts
    assert "bddm_ref.process.ddpm_kernel" not in first.parts
    path = users / file
    text = path.read_text()
    path.write_text(
        text.replace("0.01", "0.02").replace("n + 1", "n + 2").replace("Mine:", "Mine():")
    )
    changed_ns = path.stat().st_mtime_ns + 1_000_000
    os.utime(path, ns=(changed_ns, changed_ns))
    second = users_code(users)
    assert second.files[file] != first.files[file]
    assert (second.sha256 == first.sha256) == (file == "mine.py")  # brackets change no tree


def test_an_installed_package_counts_where_it_offers_the_contestant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site-packages" / "theirs"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "mine.py").write_text(MINE.replace("import helper", "from theirs import helper"))
    (package / "helper.py").write_text("import numpy\n\n\ndef betas(steps): ...\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site-packages"))
    module = importlib.import_module("theirs.mine")
    files = {f"theirs/{name}.py" for name in ("__init__", "mine", "helper")}
    assert set(code_of(module).files) == files  # and nothing of numpy
    assert not code_of(module.Mine()).files  # as of any other package


def test_a_users_comment_makes_nothing_anew(users: Path) -> None:
    first = users_code(users)
    path = users / "helper.py"
    path.write_text(path.read_text().replace("# a comment", "# another comment"))
    os.utime(path, ns=(1, 1))
    assert users_code(users).sha256 == first.sha256
