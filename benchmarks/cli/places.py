"""Places that commands write to: tables of a run stay local unless they are published on purpose.

Without ``--publish``, no command writes to a folder of the project's ``results/`` that has tracked
files. Tables go to ``results/local/NAME``, which git ignores, or to the folder that is named.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.core.errors import UserError
from benchmarks.runtime import checkout

RESULTS = Path("results")  # the published folder
WITHOUT_PUBLISH = "add --publish to replace published results, or name another folder"


def local(name: str) -> Path:
    """The folder for tables of that name, which git ignores."""
    return RESULTS / checkout.LOCAL / name


def is_published(folder: Path) -> bool:
    """Tell whether a folder is a published one: it holds tracked files of ``results/``."""
    place, root = folder.resolve(), checkout.REPOSITORY / RESULTS
    if not place.is_relative_to(root) or place.is_relative_to(root / checkout.LOCAL):
        return False
    tracked = checkout.git("ls-files", "--", str(place))
    return tracked is None or tracked != ""  # None: no git, so nothing can be restored


def refuse_published(folder: Path, option: str, remedy: str = WITHOUT_PUBLISH) -> None:
    """Refuse to write to a published folder.

    Args:
        folder: the folder.
        option: the option that names it, for the message.
        remedy: words on what to do instead.

    Raises:
        UserError: the folder is a published one.
    """
    if is_published(folder):
        raise UserError(f"{option}: {folder} holds published results; {remedy}")


def tables_folder(name: str, asked: Path | None, published: str, publish: bool) -> Path:
    """The folder for the tables of a run.

    Args:
        name: the experiment's name, or the command's.
        asked: the value of ``--results``.
        published: the folder of published tables; empty: there is none.
        publish: the value of ``--publish``.

    Raises:
        UserError: nothing can be published, or ``--results`` names a published folder.
    """
    if asked is not None:
        if not publish:
            refuse_published(asked, "--results")
        return asked
    if publish and not published:
        raise UserError(
            f"--publish: the experiment {name} has no folder to publish to; set its field "
            "'publish', or name a folder with --results"
        )
    return Path(published) if publish else local(name)
