"""Speech corpora: recordings, their log-mel conditioning, and fixed splits by utterance."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import soundfile
import torch
from torch import Tensor

from bddm_ref.checkpoint import DamagedFileError
from benchmarks.data.debian import DataUnavailableError, DebianDataset, locate
from benchmarks.data.features import HOP, SAMPLE_RATE, log_mel, to_sample_rate
from benchmarks.data.splits import checksums, combined_digest, refuse_closed_test, splits_by_name
from benchmarks.progress import Progress

HERE = Path(__file__).parent
LARGEST_HELD_OUT = 30  # utterances of a folder that go to the validation and to the test split

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
        """Waveform ``(frames * HOP,)`` and log-mel ``(MELS, frames + 1)`` from a frame on."""
        samples = self.waveform[start * HOP : (start + frames) * HOP]
        return samples, self.log_mel[:, start : start + frames + 1]


class SpeechCorpus:
    """Recordings in three splits.

    Args:
        name: what results call it.
        paths: utterance name to file.
        splits: ``train``, ``valid`` and ``test`` to utterance names, disjoint.
    """

    def __init__(
        self, name: str, paths: dict[str, Path], splits: dict[str, list[str]], sha256: str
    ) -> None:
        self.name = name
        self.sha256 = sha256
        self._paths = paths
        self._splits = splits

    def split(self, split: str, stage: str, progress: Progress) -> list[Utterance]:
        """Load one split.

        Args:
            split: ``train``, ``valid`` or ``test``.
            stage: who asks.
            progress: where loading is reported.

        Raises:
            PermissionError: a stage that must not see the test split asks for it.
            DamagedFileError: a file is no readable recording.
        """
        refuse_closed_test(split, stage)
        names = self._splits[split]
        with progress.task(f"load {split} recordings", len(names)) as advance:
            utterances = []
            for name in names:
                utterances.append(load_utterance(name, self._paths[name]))
                advance(1)
        return utterances

    def sizes(self) -> dict[str, int]:
        """Number of utterances in each split."""
        return {split: len(names) for split, names in self._splits.items()}


def load_utterance(name: str, path: Path) -> Utterance:
    """Read a recording: any rate, channels averaged.

    Raises:
        DamagedFileError: not a readable recording, or shorter than one frame.
    """
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise DamagedFileError(f"{path} is not a readable recording: {error}") from error
    waveform = to_sample_rate(torch.from_numpy(samples).mean(dim=1), rate)
    if len(waveform) < 4 * HOP:
        raise DamagedFileError(f"{path} is shorter than {4 * HOP / SAMPLE_RATE * 1000:.0f} ms")
    waveform = waveform[: len(waveform) // HOP * HOP]
    return Utterance(name, waveform, log_mel(waveform))


def festvox_ru(progress: Progress) -> SpeechCorpus:
    """620 read Russian utterances of one speaker, 16 kHz, from Debian's package."""
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
    return SpeechCorpus("festvox-ru", paths, splits, combined_digest(digests))


def folder_corpus(folder: Path, progress: Progress) -> SpeechCorpus:
    """Any folder of recordings; LJSpeech's and VCTK's layouts are found by themselves.

    The splits depend on the file names alone: names are ordered by their SHA-256, the first tenth
    (at most 30) is the test split, the next the validation split.

    Raises:
        DataUnavailableError: no such folder, or fewer than three recordings in it.
    """
    if not folder.is_dir():
        raise DataUnavailableError(f"--data {folder} is not a folder; {FESTVOX_RU.alternative}")
    roots = [folder / "wavs", *sorted(folder.glob("wav48*"))]
    roots = [root for root in roots if root.is_dir()] or [folder]
    files = sorted(
        path for root in roots for path in root.rglob("*") if path.suffix in (".wav", ".flac")
    )
    if len(files) < 3:
        raise DataUnavailableError(
            f"--data {folder} holds {len(files)} recordings (.wav, .flac), and at least 3 are "
            f"needed; {FESTVOX_RU.alternative}"
        )
    paths = {str(path.relative_to(folder).with_suffix("")): path for path in files}
    digests = checksums(paths, "recordings", progress) | {"order": "sha256"}
    splits = splits_by_name(paths, LARGEST_HELD_OUT)
    return SpeechCorpus(folder.name, paths, splits, combined_digest(digests))


def open_corpus(data: str, progress: Progress) -> SpeechCorpus:
    """``festvox-ru``, or the folder of that path."""
    return festvox_ru(progress) if data == "festvox-ru" else folder_corpus(Path(data), progress)
