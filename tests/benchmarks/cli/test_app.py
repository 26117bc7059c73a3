"""The one command line: its commands, their help, options in a wrong place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from benchmarks.cli import app
from benchmarks.cli.app import ALIASES, COMMANDS, main
from benchmarks.cli.files import Kind
from benchmarks.cli.stages import StageCommand
from benchmarks.core.loading import load
from benchmarks.interop.command import ENDINGS


def help_of(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_help_lists_every_command_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    said = " ".join(help_of(capsys).replace("│", " ").split())
    for name, kind in COMMANDS.items():
        line = (kind.__doc__ or "").partition("\n")[0]
        assert line.endswith(".")
        assert f"• {name} {line}" in said


@pytest.mark.parametrize("name", [*COMMANDS, *ALIASES])
def test_help_of_a_command_has_its_own_options_alone(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    said = help_of(capsys, name)
    assert said.startswith(f"usage: python -m benchmarks {name} ")
    assert "--traceback" in said
    own = {
        "--page-only": {"speed"},
        "--as": {"export"},
        "--json": {"list", "run", "report", "check", "compare", "claims"},
        "--have": {"bundle"},
    }
    for option, commands in own.items():
        assert (option in said) == (name in commands)
    kind = COMMANDS[ALIASES.get(name, name)]
    assert ("--from-scratch" in said) == issubclass(kind, StageCommand)
    assert "--search.bins INT" not in said


@pytest.mark.slow
def test_what_needs_no_torch_does_not_wait_for_it() -> None:
    calls = [
        ["--help"],
        ["check", "--help"],
        ["claims", "--help"],
        ["compare", "--help"],
        ["list"],
        ["bundle", "--help"],
        ["run", "cpu", "--dry-run"],
        ["run", "cpu", "--help-fields"],
    ]
    program = (
        "import contextlib, sys\n"
        "from benchmarks.cli.app import main\n"
        f"for arguments in {calls}:\n"
        "    with contextlib.suppress(SystemExit): main(arguments)\n"
        "    print('torch?', arguments, 'torch' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    ends = [number for number, line in enumerate(lines) if line.startswith("torch? ")]
    assert [lines[number] for number in ends] == [f"torch? {call} False" for call in calls]
    assert min(after - before for before, after in zip([-1, *ends], ends, strict=False)) > 6


def test_the_command_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--workspace", "w", "import", "a.pkl"]) == 2
    said = capsys.readouterr().err
    assert said == "error: import comes first: python -m benchmarks import ...\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [([], "Expected one of {list, run"), (["checks"], "Available subcommands: list, run")],
)
def test_without_a_command_all_are_listed(
    capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_fields_of_the_experiment_follow(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--search.bins=5", "--no-bf16", "--search.lengths", "3", "4"]
    assert main(["run", "images-cpu", "--dry-run", *options]) == 0
    said = capsys.readouterr().out
    assert "track: images" in said
    assert "bins: 5" in said
    assert "bf16: false" in said
    assert "  lengths:\n  - 3\n  - 4\n  bins" in said
    assert main(["run", "--dry-run", "--search.bins", "5"]) == 0  # of the experiment cpu
    assert "track: speech" in capsys.readouterr().out


def test_an_unknown_option_names_the_help_that_lists_fields(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["search", "smoke", "--sarch.bins", "3"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "Unrecognized options: --sarch.bins" in said
    assert "--search.bins INT" in said  # the nearest
    assert said.endswith("all fields of smoke: python -m benchmarks run smoke --help-fields\n")


def test_a_bad_value_of_an_option_names_the_help_that_lists_fields(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["run", "smoke", "--dry-run", "--search.bins", "-3"]) == 2
    said = capsys.readouterr().err
    assert said.endswith(
        "error: search.bins: -3 is too few; give a number from 1 to 1000 (all fields of smoke: "
        "python -m benchmarks run smoke --help-fields)\n"
    )
    with pytest.raises(SystemExit):
        main(["run", "smoke", "--search.bins", "many"])
    said = capsys.readouterr().err
    assert said.endswith(
        "all options: python -m benchmarks run --help; all fields of smoke: python -m benchmarks "
        "run smoke --help-fields\n"
    )


def test_help_fields_shows_values_of_that_experiment(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "smoke", "--help-fields"])
    assert ended.value.code == 0
    said = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert f"M: values of alpha_N and of beta_N (default: {load('smoke').search.bins})" in said
    assert "--publish " not in said  # an option of commands, not a field


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "cpu", "smoke"], "give one experiment, not cpu and smoke"),
        (["bundle", "--to", "out"], "give at least one experiment"),
        (["bundle", "cpu", "--to", "out", "--python", "12"], "--python: write 12 as 3.12"),
        (["bundle", "cpu", "--to", "out", "--size", "much"], "--size: 'much' is no size: write a"),
    ],
)
def test_wrong_values_are_told(
    capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main(words) == 2
    assert capsys.readouterr().err.startswith(f"error: {message}")


def test_export_has_all_kinds() -> None:
    assert {*get_args(Kind)} == {*ENDINGS}


@pytest.mark.slow
def test_the_module_runs_the_command_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "check", "nowhere"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(app.__file__).parents[2],
    )
    assert done.returncode == 2
    assert done.stderr == "error: nowhere holds no results (*.json); give a results folder\n"


def test_a_missing_package_of_the_command_line_is_named_with_its_extra() -> None:
    program = (
        "import sys\n"
        "sys.modules['tyro'] = None\n"
        "from benchmarks.__main__ import main\n"
        "sys.exit(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    told = "error: this needs the package tyro: pip install 'bddm-benchmark[harness]'\n"
    assert done.stderr == told
