"""SIGTERM ends a command in order, with a line and status 143."""

from __future__ import annotations

import os
import signal
import threading
from types import SimpleNamespace

import pytest

from benchmarks.cli import app
from benchmarks.cli.signals import TerminatedError, termination_raises


def terminated() -> int:
    """Get SIGTERM as a command at work does."""
    os.kill(os.getpid(), signal.SIGTERM)
    raise AssertionError("SIGTERM was lost")


def test_sigterm_is_an_exception_while_a_command_runs() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(TerminatedError), termination_raises():
        terminated()
    assert signal.getsignal(signal.SIGTERM) is before


def test_handlers_of_errors_do_not_catch_it() -> None:
    assert not issubclass(TerminatedError, Exception)


def test_another_thread_gets_no_handler() -> None:
    seen: list[object] = []

    def look() -> None:
        with termination_raises():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]


def test_a_terminated_command_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        app, "_parsed", lambda words: SimpleNamespace(traceback=False, run=terminated)
    )
    assert app.main(["run"]) == 143
    assert capsys.readouterr().err == "terminated; the same command goes on from here\n"
