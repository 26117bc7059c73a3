"""Commands ask no network for anything once the data are here, and leave no number of the device.

onnxruntime, which torchmetrics imports, sends telemetry from its own C code, past Python's sockets.
strace watches system calls where it is installed; elsewhere only the user's cache is looked at.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from synthetic.voices import syllables, write_recordings

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "benchmarks" / "tiny" / "speech.yaml"
PROGRAM = """
import sys
from benchmarks.cli.app import main
status = main(sys.argv[1:])
import metrics.scoring
from metrics.mos import MOS_PREDICTORS
try:
    MOS_PREDICTORS["dnsmos"].load()  # opens a session of onnxruntime
except ValueError:
    pass  # the extra is not installed
sys.exit(status)
"""
NETWORK = re.compile(r"(connect|sendto|sendmsg|sendmmsg)\(.*AF_INET6?\b")


def strace(output: Path) -> list[str]:
    """Give the words that put a command under strace; none where strace does not work."""
    words = ["strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o"]
    if shutil.which("strace") is None:
        return []
    tried = subprocess.run([*words, str(output), "true"], capture_output=True, check=False)
    return [*words, str(output)] if tried.returncode == 0 else []


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("onnxruntime") is None, reason="needs onnxruntime")
@pytest.mark.parametrize("setting", [None, "0"])
def test_onnxruntime_sends_nothing_unless_asked_to(tmp_path: Path, setting: str | None) -> None:
    waves = {f"{i:02}": syllables(1.5, i) for i in range(12)}
    data, home = write_recordings(tmp_path / "data", waves), tmp_path / "home"
    home.mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("ORT_", "XDG_"))}
    environment |= {"HOME": str(home), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environment |= {} if setting is None else {"ORT_DISABLE_TELEMETRY": setting}
    calls = tmp_path / "calls"
    command = [sys.executable, "-c", PROGRAM, "data", str(TINY), "--data", str(data)]
    watched = strace(calls) if setting is None else []
    done = subprocess.run(
        [*watched, *command],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    traces = [path for path in home.rglob("*") if "deviceid" in path.name.lower()]
    if setting is None:
        assert not traces
        assert not watched or not NETWORK.findall(calls.read_text())
    elif sys.platform == "linux":
        # The variable is needed; when this fails, onnxruntime no longer leaves a number.
        assert traces
