"""``python -m benchmarks.bundle.back WORKSPACE FOLDER BYTES``: the last step of ``run.sh``."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.bundle.parts import write_parts


def main(arguments: list[str]) -> int:
    """Pack the finished stages of a workspace for their way back."""
    workspace, folder, limit = arguments
    for part in write_parts(Path(workspace), Path(folder), int(limit)):
        sys.stdout.write(f"{part}: {part.stat().st_size / 1e6:.1f} MB\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
