"""A whole results folder of synthetic documents, for the tests of results, pages and claims."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.runtime import checkout
from synthetic.folder import write_results


@pytest.fixture(scope="session")
def whole_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of every kind of document that passes the check; not to be changed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkout, "git", lambda *arguments: None)  # the ledger has no dates
        return write_results(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def results_folder(whole_folder: Path, tmp_path: Path) -> Path:
    """A copy of the whole folder, with the README above it, to be spoilt."""
    shutil.copytree(whole_folder.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / whole_folder.name
