"""Run ``python -m benchmarks COMMAND``; :mod:`benchmarks.cli` has the commands."""

from __future__ import annotations

import sys

from benchmarks.runtime.packages import missing_extra


def main() -> int:
    """Run the command line, or say which extra it lacks; returns the exit status."""
    try:
        from benchmarks.cli.app import main as run_command
    except ModuleNotFoundError as error:
        if (sentence := missing_extra(error)) is None:
            raise
        sys.stderr.write(f"error: {sentence}\n")
        return 2
    return run_command()


if __name__ == "__main__":
    sys.exit(main())
