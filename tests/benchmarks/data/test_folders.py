"""A user's folder: all files are checked when it is opened, and splits stand by themselves."""

from __future__ import annotations

import shutil
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from rich.console import Console

from bddm_ref.files import DamagedFileError, sha256_of
from benchmarks.core.errors import UserError
from benchmarks.data import checked, speech
from benchmarks.data.images import CIFAR_RECORD, ImageSet, cifar_10, folder_images
from benchmarks.data.recordings import CHECK
from benchmarks.data.speech import SpeechCorpus, folder_corpus
from benchmarks.data.splits import by_hash
from benchmarks.runtime.progress import Progress
from synthetic.recordings import Samples, voice, write, write_voices

SPLITS = ("train", "valid", "test")


def opened(folder: Path) -> tuple[SpeechCorpus, str]:
    """The corpus, and the lines about it."""
    said = StringIO()
    return folder_corpus(folder, Progress(Console(file=said, width=400))), said.getvalue()


def refused(folder: Path) -> str:
    with pytest.raises(DamagedFileError) as error:
        opened(folder)
    return str(error.value)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    def spoilt(i: int, samples: Samples) -> Samples:
        return samples * {3: np.nan, 5: 32768, 8: 0, 9: 0, 11: 0}.get(i, 1)

    write_voices(tmp_path, 14, spoilt)
    said = refused(tmp_path)
    assert said.startswith("5 of 14 recordings cannot be used: ")
    assert f"{tmp_path}/03.wav holds 8000 values that are not finite" in said
    assert f"{tmp_path}/05.wav reaches 13107, and full scale is 1" in said
    assert f"{tmp_path}/08.wav is silent" in said
    assert "09.wav" not in said
    assert "; and 2 more; mend or remove the file, or divide it by its full scale" in said


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html>", b"RIFF"])
def test_a_bad_file_of_any_split_is_found(tmp_path: Path, split: str, content: bytes) -> None:
    write_voices(tmp_path, 12)
    victim = opened(tmp_path)[0].splits[split][0]
    (tmp_path / f"{victim}.wav").write_bytes(content)
    said = refused(tmp_path)
    assert said.startswith(f"1 of 12 recordings cannot be used: {tmp_path}/{victim}.wav is not a ")


def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_voices(tmp_path, 4)

    def locked(path: Path) -> str:
        if path.name == "02.wav":
            raise PermissionError(13, "Permission denied", str(path))
        return sha256_of(path)

    monkeypatch.setattr(checked, "sha256_of", locked)
    assert "02.wav cannot be read (Permission denied); make it readable or" in refused(tmp_path)


def test_one_line_says_what_was_taken(tmp_path: Path) -> None:
    write_voices(tmp_path, 4)
    (tmp_path / "03.wav").rename(tmp_path / "03.WAV")
    (tmp_path / "._01.wav").write_bytes(b"\0\5\x16\7")
    (tmp_path / "more.mp3").write_bytes(b"ID3")
    corpus, said = opened(tmp_path)
    assert sum(corpus.sizes().values()) == 4
    assert said == (
        "data: 4 recordings taken, 2 left out: 1 hidden (._01.wav), 1 of another ending than .wav, "
        ".flac (more.mp3)\n"
    )


def test_microphones_and_copies_are_in_one_split(tmp_path: Path) -> None:
    for i in range(12):
        for mic in (1, 2):
            noise = 0.03 * np.random.default_rng(i + 100 * mic).standard_normal(8000)
            write(tmp_path / f"wav48/p225/p225_{i:03}_mic{mic}.flac", voice(i) + noise)
    write(tmp_path / "wav48/p226/other.wav", voice(50))
    for i in range(3):
        again = 0.7 * _read(tmp_path / f"wav48/p225/p225_{i:03}_mic2.flac")
        write(tmp_path / f"wav48/p226/copy{i}.wav", again, subtype="FLOAT")
    corpus, said = opened(tmp_path)
    where = {name.removeprefix("wav48/"): s for s in SPLITS for name in corpus.splits[s]}
    for i in range(12):
        assert where[f"p225/p225_{i:03}_mic1"] == where[f"p225/p225_{i:03}_mic2"]
    for i in range(3):
        assert where[f"p226/copy{i}"] == where[f"p225/p225_{i:03}_mic1"]
    assert "data: the 28 recordings hold 13 different items; 3 are copies of others; all" in said


def _read(path: Path) -> Samples:
    samples: Samples = soundfile.read(path)[0]
    return samples


def test_splits_without_groups_are_those_of_the_names_alone(tmp_path: Path) -> None:
    write_voices(tmp_path, 24)
    corpus, said = opened(tmp_path)
    order = by_hash(f"{i:02}" for i in range(24))
    assert corpus.splits == {"test": order[:2], "valid": order[2:4], "train": order[4:]}
    assert said == "data: 24 recordings taken\n"
    before = corpus.sha256
    (tmp_path / "00.wav").write_bytes((tmp_path / "01.wav").read_bytes())
    assert opened(tmp_path)[0].sha256 != before


def test_rates_without_the_upper_band_are_told(tmp_path: Path) -> None:
    for i, rate in enumerate((8_000, 11_025, 16_000, 44_100)):
        write(tmp_path / f"{i}.wav", voice(i, rate=rate), rate)
    assert (
        "data: 2 recordings have rates below 16000 Hz, the lowest 8000 Hz, and so no sound above "
        "half their rate\n"
    ) in opened(tmp_path)[1]


def test_a_folder_of_copies_is_refused(tmp_path: Path) -> None:
    write_voices(tmp_path, 8, lambda i, samples: voice(i % 2))
    with pytest.raises(
        UserError, match="8 files hold 2 different items, and at least 3 are needed"
    ):
        opened(tmp_path)


def test_names_are_the_same_wherever_the_folder_lies(tmp_path: Path) -> None:
    write_voices(tmp_path / "a", 12)
    shutil.copytree(tmp_path / "a", tmp_path / "deep" / "er" / "b")
    (tmp_path / "c").symlink_to(tmp_path / "a")
    found = [opened(tmp_path / place)[0] for place in ("a", "deep/er/b", "c")]
    assert found[0].splits == found[1].splits == found[2].splits
    assert len({corpus.sha256 for corpus in found}) == 1


def test_only_changed_files_are_decoded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[str] = []

    def facts(path: Path) -> checked.Facts:
        decoded.append(path.name)
        return CHECK.facts(path)

    monkeypatch.setattr(speech, "CHECK", checked.Check("test", CHECK.fields, facts, CHECK.copies))
    kept = tmp_path.with_name("kept")
    monkeypatch.setattr(checked, "cache_folder", lambda: kept)
    write_voices(tmp_path, 6)
    first, _ = opened(tmp_path)
    assert len(decoded) == 6
    again, _ = opened(tmp_path)
    assert len(decoded) == 6
    assert [again.frames(s) for s in SPLITS] == [first.frames(s) for s in SPLITS]
    write(tmp_path / "03.wav", voice(77))
    opened(tmp_path)
    assert decoded[6:] == ["03.wav"]
    (tmp_path / "04.wav").write_bytes(b"")
    for _ in range(2):  # a fault is found each time
        refused(tmp_path)
    assert decoded[7:] == ["04.wav", "04.wav"]
    write(tmp_path / "04.wav", voice(78))
    opened(tmp_path)
    spoilt = ("spoilt", "[]", f'{{"{first.digests["01"]}": {{"rate": 1}}}}')
    for number, text in enumerate(spoilt):  # as if nothing were kept
        (memory,) = kept.glob("checks/test-*.json")
        memory.write_text(text)
        opened(tmp_path)
        assert len(decoded) == 10 + 6 * (number + 1)


def test_a_cache_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(checked, "cache_folder", lambda: tmp_path / "file")
    write_voices(tmp_path / "data", 4)
    corpus, said = opened(tmp_path / "data")
    assert len(corpus.paths) == 4
    assert "data: checks are not kept for the next run: " in said


# -- the checksum of a split is of its own items ---------------------------------------------------


def digests(data: SpeechCorpus | ImageSet) -> dict[str, str]:
    return {split: data.digest(split) for split in SPLITS}


@pytest.mark.parametrize("split", SPLITS)
def test_one_recording_changes_its_split_alone(tmp_path: Path, split: str) -> None:
    write_voices(tmp_path, 24)
    corpus, _ = opened(tmp_path)
    write(tmp_path / f"{corpus.splits[split][0]}.wav", voice(99))
    changed = digests(opened(tmp_path)[0])
    assert [s for s in SPLITS if changed[s] != digests(corpus)[s]] == [split]


def test_one_picture_changes_its_split_alone(tmp_path: Path) -> None:
    for i in range(24):
        Image.new("RGB", (10, 10), (9 * i, 0, 7)).save(tmp_path / f"{i:02}.png")
    quiet = Progress(Console(quiet=True))
    before = digests(folder_images(tmp_path, 8, 3, quiet))
    victims = dict(zip(SPLITS, (23, 2, 0), strict=True))
    order = by_hash(f"{i:02}.png" for i in range(24))
    for split, rank in victims.items():
        path = tmp_path / order[rank]
        kept = path.read_bytes()
        Image.new("RGB", (10, 10), (1, 200, 7)).save(path)
        changed = digests(folder_images(tmp_path, 8, 3, quiet))
        assert [s for s in SPLITS if changed[s] != before[s]] == [split]
        path.write_bytes(kept)
    assert digests(folder_images(tmp_path, 8, 3, quiet)) == before
    for size, channels in ((9, 3), (8, 1)):
        other = digests(folder_images(tmp_path, size, channels, quiet))
        assert not set(other.values()) & set(before.values())


def test_one_record_of_cifar_changes_its_split_alone(tmp_path: Path) -> None:
    source = np.random.default_rng(0)
    names = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
    for name in names:
        records = source.integers(0, 256, (4, CIFAR_RECORD)).astype(np.uint8)
        records[:, 0] %= 10
        (tmp_path / name).write_bytes(records.tobytes())
    quiet = Progress(Console(quiet=True))
    before = digests(cifar_10(tmp_path, quiet))
    places = {"train": ("data_batch_5.bin", 1), "valid": ("data_batch_5.bin", 3)}
    places["test"] = ("test_batch.bin", 0)
    for split, (name, record) in places.items():
        content = bytearray((tmp_path / name).read_bytes())
        content[record * CIFAR_RECORD + 5] ^= 1
        (tmp_path / name).write_bytes(content)
        after = digests(cifar_10(tmp_path, quiet))
        assert [s for s in SPLITS if after[s] != before[s]] == [split]
        before = after
    more = (tmp_path / "test_batch.bin").read_bytes()
    (tmp_path / "test_batch.bin").write_bytes(more + more[:CIFAR_RECORD])
    after = digests(cifar_10(tmp_path, quiet))
    assert [s for s in SPLITS if after[s] != before[s]] == ["test"]
