"""Speech data: folders, splits, features, damaged files, and the fetch through a fake apt."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from rich.console import Console

from bddm_ref.files import DamagedFileError, write_with_checksum
from benchmarks.core.errors import UserError
from benchmarks.data import debian
from benchmarks.data.crops import CropTable
from benchmarks.data.debian import DataUnavailableError, DebianDataset
from benchmarks.data.features import FLOOR, HOP, MELS, filterbank, log_mel
from benchmarks.data.speech import (
    FESTVOX_RU,
    LISTED,
    SpeechCorpus,
    folder_corpus,
    load_utterance,
    open_corpus,
    pack_corpus,
)
from benchmarks.data.splits import splits_by_name
from benchmarks.runtime.progress import Progress

QUIET = Progress(Console(quiet=True))


def tone(path: Path, seconds: float = 1.0, rate: int = 16_000, channels: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = int(hashlib.sha256(path.name.encode()).hexdigest(), 16) % 1000
    t = np.arange(int(seconds * rate)) / rate
    wave = 0.3 * np.sin(2 * np.pi * (200 + seed) * t)
    soundfile.write(path, np.stack([wave] * channels, axis=1), rate)
    return path


@pytest.mark.parametrize(
    "layout", ["wavs/LJ001-{:04d}.wav", "wav48/p225/p225_{:03d}.wav", "any/{}.wav", "x{}.flac"]
)
def test_layouts(tmp_path: Path, layout: str) -> None:
    for i in range(12):
        tone(tmp_path / layout.format(i))
    corpus = folder_corpus(tmp_path, QUIET)
    assert corpus.sizes() == {"test": 1, "valid": 1, "train": 10}
    names = [u.name for split in ("train", "valid") for u in corpus.split(split, "train", QUIET)]
    names += [u.name for u in corpus.split("test", "score", QUIET)]
    assert len(set(names)) == 12


def test_splits_depend_on_names_alone(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        for i in range(20):
            tone(tmp_path / folder / f"{i}.wav")
    tone(tmp_path / "b" / "3.wav", seconds=2.0)
    splits = [
        [u.name for u in folder_corpus(tmp_path / f, QUIET).split("valid", "search", QUIET)]
        for f in ("a", "b")
    ]
    assert splits[0] == splits[1]
    digests = [folder_corpus(tmp_path / f, QUIET).sha256 for f in ("a", "b")]
    assert digests[0] != digests[1]


@pytest.mark.parametrize("stage", ["train", "search", "report"])
def test_the_test_split_is_closed(tmp_path: Path, stage: str) -> None:
    for i in range(3):
        tone(tmp_path / f"{i}.wav")
    with pytest.raises(PermissionError, match="must not open the test split"):
        folder_corpus(tmp_path, QUIET).split("test", stage, QUIET)


def test_resampled_and_mixed_down(tmp_path: Path) -> None:
    utterance = load_utterance("x", tone(tmp_path / "x.wav", rate=22_050, channels=2))
    assert len(utterance.waveform) == 16_000 // HOP * HOP
    assert utterance.log_mel.shape == (MELS, utterance.frames + 1)
    assert float(utterance.waveform.abs().max()) == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize("content", [b"", b"RIFF\x00\x00", b"not a recording at all"])
def test_foreign_recordings(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"x\.wav is not a readable recording"):
        load_utterance("x", path)


def test_too_short_recording(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match="shorter than 64 ms"):
        load_utterance("x", tone(tmp_path / "x.wav", seconds=0.05))


def test_no_such_folder_and_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DataUnavailableError, match="is not a folder"):
        folder_corpus(tmp_path / "missing", QUIET)
    with pytest.raises(DataUnavailableError, match="holds 0 recordings"):
        folder_corpus(tmp_path, QUIET)


def test_log_mel_of_silence_and_of_a_tone() -> None:
    assert torch.equal(log_mel(torch.zeros(4096)), torch.full((MELS, 17), FLOOR).log())
    t = torch.arange(16_000) / 16_000
    mel = log_mel(torch.sin(2 * torch.pi * 1000 * t))
    loudest = int(mel[:, 30].argmax())
    centre = float(filterbank()[:, loudest].argmax()) * 16_000 / 1024
    assert centre == pytest.approx(1000, abs=40)


def test_crops_are_pieces_of_the_recordings(tmp_path: Path) -> None:
    utterances = [
        load_utterance(str(i), tone(tmp_path / f"{i}.wav", 0.5 + 0.2 * i)) for i in (0, 3)
    ]
    table = CropTable(utterances, 16)
    waveforms, mels = table.draw(64, torch.Generator().manual_seed(0))
    assert waveforms.shape == (64, 16 * HOP)
    assert mels.shape == (64, MELS, 17)
    pieces = [u.crop(start, 16) for u in utterances for start in range(u.frames - 15)]
    seen = set()
    for waveform, mel in zip(waveforms, mels, strict=True):
        match = [
            i for i, (w, m) in enumerate(pieces) if torch.equal(w, waveform) and torch.equal(m, mel)
        ]
        assert match
        seen.update(match)
    assert len(seen) > 20
    with pytest.raises(ValueError, match="none of 2 recordings"):
        CropTable(utterances, 1000)


# The fetch, through a fake apt


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DebianDataset:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    manifest = tmp_path / "manifest"
    manifest.write_text(f"{hashlib.sha256(b'audio').hexdigest()}  one.wav\n")
    archive = hashlib.sha256(b"archive").hexdigest()
    return DebianDataset("voice", "1.0", archive, "usr/share/voice", manifest, "use --data DIR")


def fake_tools(folder: Path, monkeypatch: pytest.MonkeyPatch, audio: str, archive: str) -> None:
    """apt-get, apt-cache and dpkg-deb as scripts that do what ours must ask of them."""
    folder.mkdir()
    scripts = {
        "apt-get": f'case "$*" in *download*) printf {archive} > voice_1.0_all.deb;; esac',
        "apt-cache": 'echo "Size: 7"',
        "dpkg-deb": f'mkdir -p "$3/usr/share/voice"; printf {audio} > "$3/usr/share/voice/one.wav"',
    }
    for name, script in scripts.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_fetch_verify_and_reuse(
    dataset: DebianDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_tools(tmp_path / "bin", monkeypatch, "audio", "archive")
    folder = debian.locate(dataset, QUIET)
    assert (folder / "one.wav").read_bytes() == b"audio"
    monkeypatch.setenv("PATH", "/nonexistent")
    assert debian.locate(dataset, QUIET) == folder  # nothing needed once it is cached
    (folder / "one.wav").write_bytes(b"noise")
    with pytest.raises(DamagedFileError, match=r"one\.wav is missing or altered"):
        debian.locate(dataset, QUIET)


def test_a_damaged_archive_is_refused(
    dataset: DebianDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_tools(tmp_path / "bin", monkeypatch, "audio", "damaged")
    with pytest.raises(DamagedFileError, match=r"archive voice_1\.0_all\.deb is damaged"):
        debian.locate(dataset, QUIET)
    left = list((tmp_path / "cache").rglob("*.deb"))
    assert left == []


def test_without_apt_the_message_says_what_to_do(
    dataset: DebianDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(DataUnavailableError, match="no apt-get: use --data DIR"):
        debian.locate(dataset, QUIET)


def test_without_network_the_message_says_what_to_do(
    dataset: DebianDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_tools(tmp_path / "bin", monkeypatch, "audio", "archive")
    (tmp_path / "bin" / "apt-get").write_text("#!/bin/sh\necho 'E: no route' >&2\nexit 100\n")
    with pytest.raises(DataUnavailableError, match=r"\(E: no route\): use --data DIR"):
        debian.locate(dataset, QUIET)


UNRESOLVED = (
    "W: Failed to fetch http://deb.debian.org/debian/dists/stable/InRelease  "
    "Temporary failure resolving 'deb.debian.org'"
)


@pytest.mark.parametrize(
    "warning",
    [
        UNRESOLVED,
        "Err:1 http://deb.debian.org stable InRelease\n  Could not connect to proxy:3128",
        "W: Some index files failed to download.\nE: connect (101: Network is unreachable)",
    ],
)
def test_a_missing_network_is_told_although_apt_only_warns(
    dataset: DebianDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warning: str
) -> None:
    fake_tools(tmp_path / "bin", monkeypatch, "audio", "archive")
    (tmp_path / "bin" / "apt-get").write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{warning}\nEND\n")
    (tmp_path / "bin" / "apt-cache").write_text("#!/bin/sh\necho 'N: No packages found' >&2\n")
    with pytest.raises(DataUnavailableError) as error:
        debian.locate(dataset, QUIET)
    said = str(error.value)
    assert said.startswith("there is no network, or Debian's servers cannot be reached (")
    assert "the Debian package voice must be fetched once: connect the machine, set http_pr" in said
    assert f"copy {tmp_path}/cache/bddm-benchmark/voice/usr/share/voice from a machine that" in said
    assert said.endswith("without it, use --data DIR")
    assert "No packages found" not in said


def test_one_list_that_is_out_of_reach_is_no_missing_network(
    dataset: DebianDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_tools(tmp_path / "bin", monkeypatch, "audio", "archive")
    tool = tmp_path / "bin" / "apt-get"
    listed = f'case "$*" in *update*) echo "{UNRESOLVED}" >&2; touch lists/one_Packages;; esac'
    tool.write_text(f"{tool.read_text()}{listed}\n")
    assert (debian.locate(dataset, QUIET) / "one.wav").read_bytes() == b"audio"


def test_a_package_that_the_sources_lack(
    dataset: DebianDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_tools(tmp_path / "bin", monkeypatch, "audio", "archive")
    cache = tmp_path / "bin" / "apt-cache"
    cache.write_text("#!/bin/sh\necho 'E: No packages found' >&2\nexit 100\n")
    with pytest.raises(DataUnavailableError, match=r"voice could not be fetched \(E: No packages"):
        debian.locate(dataset, QUIET)


def test_the_splits_are_disjoint_and_in_the_manifest() -> None:
    held_out = json.loads(FESTVOX_RU.manifest.with_suffix(".splits.json").read_text())
    names = {Path(file).stem for file in FESTVOX_RU.files()}
    assert len(names) == 620
    assert len(held_out["test"]) == len(held_out["valid"]) == 30
    assert not set(held_out["test"]) & set(held_out["valid"])
    assert {*held_out["test"], *held_out["valid"]} <= names


def test_splits_by_name_are_disjoint_bounded_and_in_order_of_sha256() -> None:
    names = [f"{i}.png" for i in range(40)]
    splits = splits_by_name(reversed(names), 3)
    assert sorted(splits["test"] + splits["valid"] + splits["train"]) == sorted(names)
    order = sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    assert splits["test"] == order[:3]
    assert splits["valid"] == order[3:6]
    assert splits["train"] == order[6:]  # no class or speaker comes first
    assert len(splits_by_name(names, 30)["test"]) == 4


# -- packed corpora ------------------------------------------------------------------------------


def corpus_of(folder: Path, count: int = 20) -> SpeechCorpus:
    for i in range(count):
        tone(folder / f"{i:02d}.wav", seconds=0.5 + 0.01 * i)
    return folder_corpus(folder, QUIET)


def test_a_part_of_the_training_recordings(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path)
    few, fewer = corpus.with_training(7), corpus.with_training(3)
    names = few.splits["train"]
    assert len(names) == 7
    assert set(fewer.splits["train"]) < set(names) < set(corpus.splits["train"])
    assert names == [name for name in corpus.splits["train"] if name in names]  # in its order
    assert corpus.with_training(16) is corpus.with_training(None) is corpus
    for wrong in (0, 17):
        with pytest.raises(ValueError, match=f"{wrong} training recordings were asked .* has 16"):
            corpus.with_training(wrong)
    assert few.sha256 == corpus.sha256


def test_a_split_has_the_checksum_of_its_own_recordings(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path)
    before = {split: corpus.digest(split) for split in ("train", "valid", "test")}
    assert len({*before.values()}) == 3
    tone(tmp_path / f"{corpus.splits['valid'][0]}.wav", seconds=2.0)
    after = {split: folder_corpus(tmp_path, QUIET).digest(split) for split in before}
    assert after["valid"] != before["valid"]
    assert (after["train"], after["test"]) == (before["train"], before["test"])
    assert corpus.with_training(5).digest("train") != before["train"]
    assert corpus.with_training(5).digest("test") == before["test"]


@pytest.mark.parametrize(
    ("subtype", "suffix", "packed_as"),
    [
        ("PCM_16", ".wav", ".flac"),
        ("PCM_24", ".wav", ".flac"),
        ("FLOAT", ".wav", ".wav"),
        ("PCM_16", ".flac", ".flac"),
    ],
)
def test_a_packed_corpus_is_the_same(
    tmp_path: Path, subtype: str, suffix: str, packed_as: str
) -> None:
    for i in range(6):
        wave = 0.3 * np.random.default_rng(i).standard_normal((12_000, 2)).clip(-3, 3)
        path = tmp_path / "a" / f"one.{i}{suffix}"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, wave, 22_050, subtype=subtype)
    corpus = folder_corpus(tmp_path / "a", QUIET).with_training(3)
    packed = pack_corpus(corpus, tmp_path / "b", QUIET)
    assert packed.train_items == 3
    assert packed.train_minutes == pytest.approx(3 * 12_000 / 22_050 / 60)
    again = open_corpus(str(tmp_path / "b"), QUIET)
    assert {path.suffix for path in (tmp_path / "b" / "recordings").iterdir()} == {packed_as}
    assert (again.name, again.sha256, again.splits) == ("a", corpus.sha256, corpus.splits)
    for split in ("train", "valid", "test"):
        assert again.digest(split) == corpus.digest(split)
        theirs, ours = (c.split(split, "sample", QUIET) for c in (corpus, again))
        assert [u.name for u in theirs] == [u.name for u in ours]
        assert all(torch.equal(a.waveform, b.waveform) for a, b in zip(theirs, ours, strict=True))
    assert again.with_training(2).digest("train") == corpus.with_training(2).digest("train")


def test_packing_takes_the_training_recordings_that_fit(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path / "a")
    pack_corpus(corpus, tmp_path / "all", QUIET)
    sizes = [p.stat().st_size for p in sorted((tmp_path / "all" / "recordings").iterdir())]
    room = sum(sizes[:9]) + 9 * LISTED  # four are held out
    assert pack_corpus(corpus, tmp_path / "b", QUIET, room).train_items == 5
    again = open_corpus(str(tmp_path / "b"), QUIET)
    assert again.splits == corpus.with_training(5).splits
    assert len([*(tmp_path / "b" / "recordings").iterdir()]) == 9
    with pytest.raises(ValueError, match="no training recording of a fits"):
        pack_corpus(corpus, tmp_path / "c", QUIET, sum(sizes[:4]) + 5 * LISTED)


def test_an_altered_packed_corpus_is_refused(tmp_path: Path) -> None:
    pack_corpus(corpus_of(tmp_path / "a"), tmp_path / "b", QUIET)
    victim = tmp_path / "b" / "recordings" / "00003.flac"
    victim.write_bytes(victim.read_bytes()[:-1])
    with pytest.raises(DamagedFileError, match=r"00003\.flac is missing or altered; make the"):
        open_corpus(str(tmp_path / "b"), QUIET)
    (tmp_path / "b" / "corpus.json").write_text("{}")
    with pytest.raises(DamagedFileError, match=r"corpus\.json does not match its checksum"):
        open_corpus(str(tmp_path / "b"), QUIET)


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31mred", "a\u202eb"], ids=ascii)
def test_a_file_whose_name_cannot_be_printed_is_named(tmp_path: Path, name: str) -> None:
    for i in range(3):
        tone(tmp_path / f"{i}.wav")
    (tmp_path / "0.wav").rename(tmp_path / f"{name}.wav")
    with pytest.raises(UserError, match="cannot be printed in its name; rename the file") as told:
        folder_corpus(tmp_path, QUIET)
    assert str(told.value).isprintable()


@pytest.mark.parametrize(
    ("name", "shown"), [("a\nb", "a b"), ("\x1b[31m", "\\x1b[31m"), ("a | <b>", "a | <b>")]
)
def test_the_name_of_a_folder_is_one_line(tmp_path: Path, name: str, shown: str) -> None:
    for i in range(3):
        tone(tmp_path / name / f"{i}.wav")
    assert folder_corpus(tmp_path / name, QUIET).name == shown


@pytest.mark.parametrize("name", ["festvox-ru", "fashion-mnist"])
def test_a_packed_corpus_of_a_published_name_needs_its_checksum(tmp_path: Path, name: str) -> None:
    corpus = corpus_of(tmp_path / "a")
    pack_corpus(corpus, tmp_path / "b", QUIET)
    listed = tmp_path / "b" / "corpus.json"
    text = json.dumps(json.loads(listed.read_text()) | {"name": name})
    write_with_checksum(listed, lambda path: path.write_text(text))
    with pytest.raises(DamagedFileError, match=f"corpus.json names its corpus '{name}', and lists"):
        open_corpus(str(tmp_path / "b"), QUIET)


def test_a_folder_of_a_published_name_says_that_it_is_a_folder(tmp_path: Path) -> None:
    corpus_of(tmp_path / "festvox-ru")
    assert open_corpus(str(tmp_path / "festvox-ru"), QUIET).name == "folder-festvox-ru"
