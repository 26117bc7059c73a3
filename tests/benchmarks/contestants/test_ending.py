"""Code of users cannot end the process, and so cannot end a run without a word."""

from __future__ import annotations

import os
import signal
import warnings
from pathlib import Path

import pytest
import torch

from bddm_ref.schedule import NoiseSchedule
from benchmarks.cli.app import main
from benchmarks.contestants.base import ContestantInputs
from benchmarks.contestants.ending import EndedError, no_exit
from benchmarks.contestants.plugins import contestant, with_contestant
from benchmarks.core.errors import ExperimentError, UserError
from benchmarks.core.experiment import Experiment, RowConfig
from benchmarks.runtime.noise import item_generators

INPUTS = ContestantInputs(NoiseSchedule.linear(1000, 1e-6, 0.01), {})
EXPERIMENT = Experiment(rows=(RowConfig("bddm", (3,)),))
FILE = """\
import os, sys
from os import _exit
from benchmarks.contestants.base import kernel_sampler
{at_import}
class Mine:
    title = "Mine"
    def __init__(self):
        {at_making}
    def prepare(self, steps, inputs):
        {at_prepare}
        inner = kernel_sampler(inputs.training.subsequence(steps), "ddim")
        def run(score_net, x_N, condition, generators):
            {at_run}
            return inner.run(score_net, x_N, condition, generators)
        return type(inner)(run, inner.nfe, inner.recipe)
"""
CALLS = ["sys.exit()", "sys.exit(0)", "raise SystemExit", "exit(0)", "os._exit(0)", "_exit(0)"]


def written(folder: Path, place: str, call: str) -> str:
    """A file whose contestant ends the process at one place; returns the option that names it."""
    places = {"at_import": "pass", "at_making": "pass", "at_prepare": "pass", "at_run": "pass"}
    path = folder / "mine.py"
    path.write_text(FILE.format(**{**places, place: call}))
    return f"{path}:Mine"


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("place", ["at_import", "at_making"])
def test_ending_while_a_file_is_loaded_is_refused(tmp_path: Path, place: str, call: str) -> None:
    with pytest.raises(ExperimentError, match=r"exit\(\w*\) was called, which would end the run"):
        with_contestant(EXPERIMENT, written(tmp_path, place, call))


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("place", ["at_prepare", "at_run"])
def test_ending_while_a_contestant_works_names_its_line(
    tmp_path: Path, place: str, call: str
) -> None:
    experiment = with_contestant(EXPERIMENT, written(tmp_path, place, call))
    line = (
        (tmp_path / "mine.py")
        .read_text()
        .splitlines()
        .index(
            next(
                one
                for one in (tmp_path / "mine.py").read_text().splitlines()
                if call == one.strip()
            )
        )
    )
    with pytest.raises(ExperimentError, match=rf"failed \(line {line + 1}\): EndedError: "):
        contestant("mine", experiment).prepare(3, INPUTS).run(
            lambda x, alpha, c: 0.1 * x, torch.randn(1, 4), None, item_generators(0, range(1))
        )


@pytest.mark.parametrize("call", CALLS)
def test_ending_while_a_title_is_read_is_refused(tmp_path: Path, call: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "import os, sys\nfrom os import _exit\nclass Mine:\n    @property\n"
        f"    def title(self):\n        {call}\n"
        "    def prepare(self, steps, inputs):\n        pass\n"
    )
    with pytest.raises(UserError, match=r"exit\(\w*\) was called, which would end the run"):
        with_contestant(EXPERIMENT, f"{path}:Mine")


def test_interrupts_and_other_errors_pass() -> None:
    for error in (KeyboardInterrupt, ValueError, GeneratorExit):
        with pytest.raises(error), no_exit():
            raise error


def test_the_call_is_as_before_afterwards() -> None:
    before = os._exit
    with pytest.raises(EndedError, match=r"os\._exit\(3\)"), no_exit(), no_exit():
        os._exit(3)
    assert os._exit is before


def test_a_forked_process_may_end_itself() -> None:
    with warnings.catch_warnings(), no_exit(), no_exit():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch has threads, which do not count
        child = os.fork()
        if child == 0:
            try:
                os._exit(7)
            finally:  # a refused end must not let the tests run on in this process, too
                os.kill(os.getpid(), signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


@pytest.mark.parametrize(
    ("place", "call"),
    [("at_import", "sys.exit(0)"), ("at_run", "sys.exit()"), ("at_run", "os._exit(0)")],
)
def test_a_command_never_ends_with_status_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str, call: str
) -> None:
    tiny = Path(__file__).parents[1] / "tiny" / "exact.yaml"
    places = ["--workspace", str(tmp_path / "work"), "--results", str(tmp_path / "out")]
    assert main(["run", str(tiny), *places, "--contestant", written(tmp_path, place, call)]) == 2
    said = capsys.readouterr().err
    assert said.splitlines()[-1].startswith("error: contestants: mine: ")
    assert "would end the run without results" in said
    assert not (tmp_path / "out").exists()
