"""Names of data sets: a published name needs the published checksums."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.data.names import name_of_folder, name_of_layout


@pytest.mark.parametrize("name", ["festvox-ru", "fashion-mnist", "cifar-10", "CIFAR-10"])
def test_a_folder_has_no_published_name(tmp_path: Path, name: str) -> None:
    assert name_of_folder(tmp_path / name) == f"folder-{name}"
    assert name_of_folder(tmp_path / name / "." / "wavs" / "..") == f"folder-{name}"


@pytest.mark.parametrize("name", ["LJSpeech-1.1", "my voices", "festvox-ru-2"])
def test_other_folders_keep_theirs(tmp_path: Path, name: str) -> None:
    assert name_of_folder(tmp_path / name) == name


def test_a_layout_is_told_with_a_checksum() -> None:
    assert name_of_layout("cifar-10", "0123456789abcdef") == "cifar-10-layout-01234567"
