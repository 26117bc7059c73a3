"""A tox runner whose environments share a folder: ``runner = shared`` in tox.ini.

tox 4 records an environment's name in its folder, and builds the folder anew for an environment of
another name. Several of ours want the same packages, among them torch, so the name is left out of
that record. The rest of it still counts: another interpreter or requirement rebuilds the folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tox.plugin import impl
from tox.tox_env.info import Info
from tox.tox_env.python.virtual_env.runner import VirtualEnvRunner
from tox.tox_env.register import ToxEnvRegister


class NamelessInfo(Info):
    """The record of an environment's folder, without the environment's name."""

    @contextmanager
    def compare(
        self, value: Any, section: str, sub_section: str | None = None
    ) -> Iterator[tuple[bool, Any | None]]:
        """Compare a value with the recorded one; record it if they differ and the body succeeds."""
        if section == "ToxEnv":
            value = {key: part for key, part in value.items() if key != "name"}
        with super().compare(value, section, sub_section) as result:
            yield result


class SharedRunner(VirtualEnvRunner):
    """A virtual environment in a folder that other environments use too."""

    @staticmethod
    def id() -> str:
        """What tox.ini calls this runner."""
        return "shared"

    @property
    def cache(self) -> Info:
        """The record of this environment's folder."""
        return NamelessInfo(self.env_dir)


@impl
def tox_register_tox_env(register: ToxEnvRegister) -> None:
    """Make the runner known to tox."""
    register.add_run_env(SharedRunner)
