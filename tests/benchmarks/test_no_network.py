"""Commands ask no network for anything once the data are here, and leave no number of the device.

onnxruntime, which predicts MOS, sends telemetry from its own C code, past Python's sockets.
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
    words = ["-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", str(output)]
    if shutil.which("strace") is None:
        return []
    for faster in (["--seccomp-bpf"], []):  # stops at these calls alone, where the system can
        watch = ["strace", *faster, *words]
        tried = subprocess.run([*watch, "true"], capture_output=True, check=False)
        if tried.returncode == 0 and not tried.stderr:
            return watch
    return []


def clean_environment(home: Path) -> dict[str, str]:
    """Give the environment of a user who has set nothing of onnxruntime."""
    # Under CI onnxruntime is silent by itself.
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("CI", "ORT_", "XDG_"))}
    return kept | {"HOME": str(home), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def device_numbers(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if "deviceid" in path.name.lower()]


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("onnxruntime") is None, reason="needs onnxruntime")
def test_no_command_lets_onnxruntime_send_anything(tmp_path: Path) -> None:
    waves = {f"{i:02}": syllables(1.5, i) for i in range(20)}
    data, home = write_recordings(tmp_path / "data", waves), tmp_path / "home"
    home.mkdir()
    calls = tmp_path / "calls"
    command = [sys.executable, "-c", PROGRAM, "data", str(TINY), "--data", str(data)]
    watched = strace(calls)
    done = subprocess.run(
        [*watched, *command],
        cwd=tmp_path,
        env=clean_environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not device_numbers(home)
    assert not watched or not NETWORK.findall(calls.read_text())


@pytest.mark.skipif(importlib.util.find_spec("onnxruntime") is None, reason="needs onnxruntime")
@pytest.mark.skipif(sys.platform != "linux", reason="the number's place is known on Linux alone")
def test_onnxruntime_leaves_a_number_where_nothing_stops_it(tmp_path: Path) -> None:
    environment = clean_environment(tmp_path)
    command = [sys.executable, "-c", "import onnxruntime"]
    subprocess.run(command, env=environment, check=True)
    if not device_numbers(tmp_path):
        pytest.skip("onnxruntime leaves no number here by itself, so that nothing stops it")
    shutil.rmtree(tmp_path / ".cache")
    subprocess.run(command, env=environment | {"ORT_DISABLE_TELEMETRY": "1"}, check=True)
    assert not device_numbers(tmp_path)
