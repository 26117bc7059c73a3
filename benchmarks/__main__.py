"""Run ``python -m benchmarks COMMAND``; :mod:`benchmarks.cli` has the commands."""

import sys

from benchmarks.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
