"""``python -m benchmarks.speed``: the sub-command alone, where packages of the others lack."""

from __future__ import annotations

import sys

from benchmarks.speed.command import main

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
