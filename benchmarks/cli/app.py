"""The command line: ``python -m benchmarks COMMAND [options] [--field value ...]``."""

from __future__ import annotations

import dataclasses
import functools
import operator
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any, cast

import tyro

from benchmarks.cli import audio, bundles, compare, files, listing, results, speed, stages
from benchmarks.cli.base import PROGRAM, Command
from benchmarks.cli.failures import reported
from benchmarks.cli.signals import TerminatedError, termination_raises
from benchmarks.core.errors import UserError

COMMANDS: dict[str, type[Command]] = {
    "list": listing.List,
    "run": stages.Run,
    "data": stages.Data,
    "train": stages.Train,
    "search": stages.Search,
    "sample": stages.Sample,
    "score": stages.Score,
    "report": stages.Report,
    "check": results.Check,
    "compare": compare.Compare,
    "claims": results.Claims,
    "ranking": results.Ranking,
    "networks": results.Networks,
    "overview": results.Overview,
    "page": results.Page,
    "theory": stages.Theory,
    "speed": speed.Speed,
    "authors-audio": audio.AuthorsAudio,
    "import": files.Import,
    "export": files.Export,
    "bundle": bundles.Bundle,
    "merge": bundles.Merge,
}
ALIASES = {"contestants": "ranking"}  # the earlier name
HELP = ("-h", "--help")
STYLE = (tyro.conf.FlagCreatePairsOff,)
DESCRIPTION = f"""\
Bilateral denoising diffusion models: a reproducibility and evaluation benchmark.
'{PROGRAM} COMMAND --help' lists the options of a command. Commands that take an experiment also
take its fields, as in --search.bins 5; '{PROGRAM} run cpu --help-fields' lists them.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words after the program's name; None takes the process's own.

    Returns:
        The exit status: 0 done; 1 a result that the command's help names; 2 input that cannot be
        used; 3 a fault of this project; 130 interrupted; 143 terminated.

    Raises:
        SystemExit: options cannot be parsed (status 2), or help was printed (status 0).
    """
    traceback = False
    try:
        with termination_raises():
            try:
                command = _parsed(sys.argv[1:] if arguments is None else list(arguments))
                traceback = command.traceback
                return command.run()
            finally:
                sys.stdout.flush()  # a closed pipe fails here, not when Python ends
    except TerminatedError:
        sys.stderr.write("terminated; the same command goes on from here\n")
        return 143
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the same command goes on from here\n")
        return 130
    except BrokenPipeError:  # the reader closed the pipe, like "| head"
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        return reported(error, traceback)


def _parsed(arguments: list[str]) -> Command:
    """Parse the command and its options.

    Raises:
        UserError: options stand before the command.
        SystemExit: there is no such command or option, or help was asked for.
    """
    first = ALIASES.get(arguments[0], arguments[0]) if arguments else ""
    if first not in COMMANDS:
        later = next((word for word in arguments if word in COMMANDS), None)
        if first.startswith("-") and first not in HELP and later is not None:
            raise UserError(f"{later} comes first: {PROGRAM} {later} ...")
        kind = _every_command()
        found = tyro.cli(kind, prog=PROGRAM, description=DESCRIPTION, args=arguments, config=STYLE)
        return cast(Command, found)
    kind, prog = COMMANDS[first], f"{PROGRAM} {arguments[0]}"
    if not kind.takes_fields:
        return tyro.cli(kind, prog=prog, args=arguments[1:], config=STYLE)
    command, fields = tyro.cli(
        kind, prog=prog, args=arguments[1:], config=STYLE, return_unknown_args=True
    )
    return dataclasses.replace(command, fields=tuple(fields))


def _every_command() -> Any:
    """Make a type for tyro: the union of all commands, each with one line of description."""
    kinds: list[Any] = []
    for name, kind in COMMANDS.items():
        line = (kind.__doc__ or "").partition("\n")[0]
        kinds.append(Annotated[kind, tyro.conf.subcommand(name, description=line)])
    return functools.reduce(operator.or_, kinds)
