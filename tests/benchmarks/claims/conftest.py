"""Results folders that tests of claims fill with documents of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.results.documents import Document
from benchmarks.results.folder import ResultsFolder


@pytest.fixture
def folder_of(tmp_path: Path) -> Callable[..., ResultsFolder]:
    """Makes a folder of documents, each given by its file without ``.json``."""

    def made(**documents: Document) -> ResultsFolder:
        for name, document in documents.items():
            document.write(tmp_path / f"{name.replace('__', '/')}.json")
        return ResultsFolder(tmp_path)

    return made
