"""Speech corpora: recordings, their log-mel conditioning, and fixed splits by utterance."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import soundfile
from torch import Tensor

from bddm_ref.files import DamagedFileError, sha256_of, verify_checksum, write_with_checksum
from benchmarks.core.errors import UserError
from benchmarks.data.checked import checked
from benchmarks.data.debian import DataUnavailableError, DebianDataset, locate
from benchmarks.data.features import HOP, SAMPLE_RATE, log_mel
from benchmarks.data.files import RECORDINGS, found_in
from benchmarks.data.folders import split_folder
from benchmarks.data.names import PUBLISHED, name_of_folder
from benchmarks.data.recordings import CHECK, frames_by_header, read_recording
from benchmarks.data.splits import by_hash, combined_digest, ordered_digest, refuse_closed_test
from benchmarks.runtime.progress import Progress

HERE = Path(__file__).parent
CORPUS = "corpus.json"  # the list in a folder of packed recordings
LISTED = 400  # bytes of one recording's entry in that list
LOSSLESS = ("PCM_16", "PCM_24")  # sample formats that FLAC keeps exactly
LARGEST_HELD_OUT = 30  # most utterances in the validation split, and in the test split

FESTVOX_RU = DebianDataset(
    package="festvox-ru",
    version="0.5+dfsg-6",
    sha256="21ef3f0f2978ecf2e2eddb367cb0ff4a72572196d28dc69feb84f4177af5e6c4",
    folder="usr/share/festival/voices/russian/msu_ru_nsh_clunits/wav",
    manifest=HERE / "festvox-ru.sha256",
    alternative=(
        "give a folder of recordings with --data DIR (LJSpeech's layout DIR/wavs/*.wav, VCTK's "
        "DIR/wav48*/SPEAKER/*, or any folder of WAV files)"
    ),
)


@dataclass(frozen=True)
class Utterance:
    """One recording, cut to whole frames."""

    name: str
    waveform: Tensor  # (L,), float32 in [-1, 1], 16 kHz, L a multiple of HOP
    log_mel: Tensor  # (MELS, L / HOP + 1)

    @property
    def frames(self) -> int:
        """Number of hops in the waveform."""
        return len(self.waveform) // HOP

    def crop(self, start: int, frames: int) -> tuple[Tensor, Tensor]:
        """Waveform ``(frames * HOP,)`` and log-mel ``(MELS, frames + 1)`` from frame ``start``."""
        samples = self.waveform[start * HOP : (start + frames) * HOP]
        return samples, self.log_mel[:, start : start + frames + 1]


class SpeechCorpus:
    """Recordings in three splits.

    Args:
        name: name in results.
        paths: utterance name to file.
        splits: ``train``, ``valid`` and ``test`` to utterance names, disjoint.
        digests: utterance name to the SHA-256 of its recording as published.
        sha256: one checksum over the whole corpus.
        frames: utterance name to its number of hops; None: headers are asked, which the checksums
            of the corpus vouch for.
    """

    def __init__(
        self,
        name: str,
        paths: dict[str, Path],
        splits: dict[str, list[str]],
        digests: dict[str, str],
        sha256: str,
        frames: dict[str, int] | None = None,
    ) -> None:
        self.name = name
        self.sha256 = sha256
        self._frames = frames
        self.paths = paths
        self.splits = splits
        self.digests = digests

    def with_training(self, count: int | None) -> SpeechCorpus:
        """This corpus with ``count`` of its training recordings; None: all recordings.

        Raises:
            UserError: ``count`` is less than 1, or more than the corpus has.
        """
        every = self.splits["train"]
        if count is None or count == len(every):
            return self
        if not 1 <= count <= len(every):
            raise UserError(
                f"{count} training recordings were asked for, and {self.name} has {len(every)}"
            )
        kept = set(by_hash(every)[:count])
        splits = self.splits | {"train": [name for name in every if name in kept]}
        return SpeechCorpus(self.name, self.paths, splits, self.digests, self.sha256, self._frames)

    def digest(self, split: str) -> str:
        """Checksum of the recordings of one split, in their order."""
        return ordered_digest(self.splits[split], self.digests)

    def split(self, split: str, stage: str, progress: Progress) -> list[Utterance]:
        """Load one split.

        Args:
            split: ``train``, ``valid`` or ``test``.
            stage: the stage that asks.
            progress: receives reports of loading.

        Raises:
            PermissionError: the stage must not open the test split.
            DamagedFileError: a file is no readable recording.
        """
        refuse_closed_test(split, stage)
        names = self.splits[split]
        with progress.task(f"load {split} recordings", len(names)) as advance:
            utterances = []
            for name in names:
                utterances.append(load_utterance(name, self.paths[name]))
                advance(1)
        return utterances

    def frames(self, split: str) -> list[int]:
        """Number of hops of each recording of a split, without opening its samples."""
        if self._frames is None:
            return [frames_by_header(self.paths[name]) for name in self.splits[split]]
        return [self._frames[name] for name in self.splits[split]]

    def sizes(self) -> dict[str, int]:
        """Number of utterances in each split."""
        return {split: len(names) for split, names in self.splits.items()}


def load_utterance(name: str, path: Path) -> Utterance:
    """Read a recording of any rate, average its channels, and resample to 16 kHz.

    Raises:
        DamagedFileError: the file cannot be used; see :func:`read_recording`.
    """
    waveform = read_recording(path).waveform
    waveform = waveform[: len(waveform) // HOP * HOP]
    return Utterance(name, waveform, log_mel(waveform))


def festvox_ru(progress: Progress) -> SpeechCorpus:
    """Corpus of 620 read Russian utterances of one speaker, 16 kHz, from Debian's package.

    Raises:
        DataUnavailableError: the corpus is not here and cannot be fetched.
        DamagedFileError: a file differs from the manifest.
    """
    folder = locate(FESTVOX_RU, progress)
    digests = FESTVOX_RU.files()
    names = [Path(file).stem for file in digests]
    held_out = json.loads((HERE / "festvox-ru.splits.json").read_text())
    held = {*held_out["test"], *held_out["valid"]}
    splits = {
        "train": [name for name in names if name not in held],
        "valid": held_out["valid"],
        "test": held_out["test"],
    }
    paths = {name: folder / f"{name}.wav" for name in names}
    by_name = {Path(file).stem: digest for file, digest in digests.items()}
    return SpeechCorpus("festvox-ru", paths, splits, by_name, combined_digest(digests))


def folder_corpus(folder: Path, progress: Progress) -> SpeechCorpus:
    """Recordings of any folder; the layouts of LJSpeech and VCTK are recognised.

    Files are found and named by :mod:`benchmarks.data.files`, and each is opened and checked. The
    splits depend on the names, and on which recordings hold one utterance: these are in one split.
    See :func:`splits_by_name`.

    Raises:
        DataUnavailableError: the folder is missing, or holds fewer than three recordings.
        DamagedFileError: recordings cannot be used; see :func:`read_recording`.
        UserError: there are fewer than three utterances.
    """
    if not folder.is_dir():
        raise DataUnavailableError(f"--data {folder} is not a folder; {FESTVOX_RU.alternative}")
    roots = [root for root in (folder / "wavs", *sorted(folder.glob("wav48*"))) if root.is_dir()]
    found = found_in(folder, RECORDINGS, roots)
    progress.say(f"data: {found.told()}")
    if len(found.paths) < 3:
        raise DataUnavailableError(
            f"--data {folder} holds {len(found.paths)} recordings (.wav, .flac), and at least 3 "
            f"are needed; {FESTVOX_RU.alternative}"
        )
    known = checked(folder, found, CHECK, progress)
    opened = split_folder(found, known, LARGEST_HELD_OUT, progress)
    whole = combined_digest(known.digests | {"order": "sha256"} | opened.whole)
    low = [facts["rate"] for facts in known.facts.values() if facts["rate"] < SAMPLE_RATE]
    if low:
        progress.say(
            f"data: {len(low)} recordings have rates below {SAMPLE_RATE} Hz, the lowest "
            f"{min(low)} Hz, and so no sound above half their rate"
        )
    frames = {name: facts["frames"] for name, facts in known.facts.items()}
    return SpeechCorpus(
        name_of_folder(folder), found.paths, opened.splits, known.digests, whole, frames
    )


def open_corpus(data: str, progress: Progress) -> SpeechCorpus:
    """Open the corpus of an experiment: ``festvox-ru``, a packed corpus, or any folder."""
    if data == "festvox-ru":
        return festvox_ru(progress)
    folder = Path(data)
    if (folder / CORPUS).is_file():
        return packed_corpus(folder, progress)
    return folder_corpus(folder, progress)


def packed_corpus(folder: Path, progress: Progress) -> SpeechCorpus:
    """Open a corpus of :func:`pack_corpus`, with the checksums of the original corpus.

    Raises:
        DamagedFileError: the list or a recording is missing or altered, or the list gives other
            recordings the name of a published corpus.
    """
    verify_checksum(folder / CORPUS)
    content = json.loads((folder / CORPUS).read_text())
    _refuse_false_name(folder / CORPUS, content["name"], content["sha256"])
    paths = {name: folder / one["file"] for name, one in content["packed"].items()}
    with progress.task(f"verify {content['name']}", len(paths)) as advance:
        for name, path in paths.items():
            if not path.is_file() or sha256_of(path) != content["packed"][name]["sha256"]:
                raise DamagedFileError(f"{path} is missing or altered; make the bundle again")
            advance(1)
    return SpeechCorpus(
        content["name"], paths, content["splits"], content["digests"], content["sha256"]
    )


def _refuse_false_name(file: Path, name: str, sha256: str) -> None:
    """Refuse a list that gives other recordings the name of a published corpus."""
    if name in PUBLISHED and sha256 != combined_digest(FESTVOX_RU.files()):
        raise DamagedFileError(
            f"{file} names its corpus {name!r}, and lists another checksum than that corpus has; "
            "make the bundle again"
        )


@dataclass(frozen=True)
class Packed:
    """Amount of training speech that :func:`pack_corpus` wrote."""

    train_items: int  # training recordings
    train_minutes: float


def pack_corpus(
    corpus: SpeechCorpus, folder: Path, progress: Progress, room: int | None = None
) -> Packed:
    """Write a corpus into a folder, without loss: held-out recordings, then training recordings.

    16- and 24-bit recordings become FLAC of the same samples. All others are copied.

    Args:
        corpus: the corpus.
        folder: the target folder.
        progress: receives reports of packing.
        room: most bytes of all recordings; training recordings are added in the order of
            :meth:`SpeechCorpus.with_training` while there is room. None: no limit.

    Raises:
        UserError: no training recording fits.
    """
    held = [name for split in ("test", "valid") for name in corpus.splits[split]]
    train = by_hash(corpus.splits["train"])
    packed: dict[str, dict[str, str]] = {}
    seconds, used = 0.0, 0
    with progress.task(f"pack {corpus.name}", len(held) + len(train)) as advance:
        for number, name in enumerate([*held, *train]):
            source = corpus.paths[name]
            info = soundfile.info(source)
            suffix = ".flac" if info.subtype in LOSSLESS else source.suffix
            file = folder / f"recordings/{number:05d}{suffix}"  # names may hold folders and dots
            _pack(source, file, info.subtype)
            used += file.stat().st_size + LISTED
            if number >= len(held) and room is not None and used > room:
                file.unlink()
                break
            packed[name] = {"file": str(file.relative_to(folder)), "sha256": sha256_of(file)}
            seconds += info.duration if number >= len(held) else 0.0
            advance(1)
    kept = len(packed) - len(held)
    if kept < 1:
        raise UserError(f"no training recording of {corpus.name} fits")
    corpus = corpus.with_training(kept)
    content = {
        "name": corpus.name,
        "sha256": corpus.sha256,
        "splits": corpus.splits,
        "digests": {name: corpus.digests[name] for name in packed},
        "packed": packed,
    }
    text = json.dumps(content, indent=1) + "\n"
    write_with_checksum(folder / CORPUS, lambda path: path.write_text(text))
    return Packed(kept, seconds / 60)


def _pack(source: Path, target: Path, subtype: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if subtype not in LOSSLESS:
        shutil.copyfile(source, target)
        return
    samples, rate = soundfile.read(source, dtype="int32", always_2d=True)
    soundfile.write(target, samples, rate, format="FLAC", subtype=subtype, compression_level=1.0)
    again, _ = soundfile.read(target, dtype="int32", always_2d=True)
    if not (samples.shape == again.shape and bool((samples == again).all())):
        raise DamagedFileError(
            f"{source} changed by the conversion to FLAC; convert the recording to 16-bit WAV"
        )
