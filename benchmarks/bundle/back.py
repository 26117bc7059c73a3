"""``python -m benchmarks.bundle.back WORKSPACE FOLDER SIZE``: a step of ``run.sh``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.bundle.parts import bytes_of, write_parts


def main(arguments: list[str]) -> int:
    """Pack the finished stages of a workspace into parts, to bring home."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bundle.back", description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "size", type=bytes_of, help="largest size of a part (PART of run.sh), as 15MB"
    )
    options = parser.parse_args(arguments)
    for part in write_parts(options.workspace, options.folder, options.size):
        sys.stdout.write(f"{part}: {part.stat().st_size / 1e6:.1f} MB\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
