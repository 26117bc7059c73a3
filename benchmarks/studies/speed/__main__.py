"""Run ``speed`` alone, on a machine that lacks the packages of the other commands."""

from __future__ import annotations

import sys

from benchmarks.studies.speed.command import main

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
