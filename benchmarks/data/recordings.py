"""Reading of one recording, with checks of its header and its values."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from benchmarks.data.checked import Check, Facts, Groups, UnusableFileError
from benchmarks.data.features import HOP, SAMPLE_RATE, to_sample_rate
from benchmarks.data.foreign import foreign
from benchmarks.data.headers import contradiction, flac_md5, missing_bytes
from benchmarks.data.prints import copies, print_of

VERSION = 2  # raised when a change here changes the facts or the refusals
FORMATS = ("WAV", "WAVEX", "RF64", "FLAC")
RATES = (8_000, 192_000)  # Hz, the lowest and the highest that are read
MOST_CHANNELS = 16
LONGEST = 1_800  # seconds; a longer file is no utterance, and would fill the memory
SHORTEST = 4 * HOP  # samples at 16 kHz
LOUDEST = 1.5  # of full scale; resampled or decoded recordings in floats overshoot it a little
SILENT = 1e-3  # of full scale: -60 dB
CANCELLED = 0.01  # share of the channels' power that their mean must keep
BLOCK = 2**20  # values that are decoded at once
UNKNOWN_LENGTH = 2**60  # frames; libsndfile's number for a FLAC file that does not state them

Samples = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


@dataclass(frozen=True)
class Recording:
    """One decoded recording.

    Attributes:
        waveform: the mean of its channels at 16 kHz, ``(L,)`` float32, not cut to whole frames.
        rate: the rate of the file, Hz.
    """

    waveform: Tensor
    rate: int


def read_recording(path: Path) -> Recording:
    """Read a WAV or FLAC file, average its channels, and resample to 16 kHz.

    Raises:
        UnusableFileError: the file is empty, truncated, damaged or of another format; its header
            contradicts itself; its rate, length or number of channels is out of range; a value is
            not finite or far above full scale; or the recording is silent.
    """
    try:
        if told := foreign(path):
            told = f"is not a readable recording: {told}"
            raise UnusableFileError(path, told, "fetch it again or remove it")
        if missing := missing_bytes(path):
            told = f"is truncated: {missing} of the bytes that its header promises are missing"
            raise UnusableFileError(path, told, "fetch it again or remove it")
        with soundfile.SoundFile(path) as file:
            _refuse_header(path, file)
            mono = _mono(path, file)
            rate = file.samplerate
    except (soundfile.SoundFileError, OSError) as error:
        told = f"is not a readable recording: {error}"
        raise UnusableFileError(path, told, "fetch it again or remove it") from error
    waveform = to_sample_rate(torch.from_numpy(mono), rate)
    if len(waveform) < SHORTEST:
        told = f"is shorter than {SHORTEST / SAMPLE_RATE * 1000:.0f} ms"
        raise UnusableFileError(path, told, "remove it")
    _refuse_silence(path, waveform.numpy())  # there may be ultrasound alone
    return Recording(waveform, rate)


def _refuse_header(path: Path, file: soundfile.SoundFile) -> None:
    """Refuse what the header alone shows, before anything is decoded."""
    if file.format not in FORMATS:
        told = f"holds {file.format}, neither WAV nor FLAC"
        raise UnusableFileError(path, told, "convert it to WAV or FLAC")
    if not RATES[0] <= file.samplerate <= RATES[1]:
        told = f"has a rate of {file.samplerate} Hz, outside {RATES[0]} to {RATES[1]} Hz"
        raise UnusableFileError(path, told, "resample it to 16000 Hz")
    if file.channels > MOST_CHANNELS:
        told = f"has {file.channels} channels, more than {MOST_CHANNELS}"
        raise UnusableFileError(path, told, "keep one channel")
    if file.frames >= UNKNOWN_LENGTH:
        told = "does not state its length in its header"
        raise UnusableFileError(path, told, "write it again, as 'flac -d' and 'flac' do")
    if file.frames == 0:
        raise UnusableFileError(path, "holds no samples by its header", "write it again")
    if file.frames > LONGEST * file.samplerate:
        told = f"lasts {file.frames / file.samplerate / 60:.0f} minutes by its header"
        remedy = f"cut it into utterances of at most {LONGEST // 60} minutes"
        raise UnusableFileError(path, told, remedy)
    if (contradicted := contradiction(path)) is not None:
        told = f"has a header that contradicts itself: {contradicted}"
        raise UnusableFileError(path, told, "convert it again from its source")


def _mono(path: Path, file: soundfile.SoundFile) -> Samples:
    """Decode block by block, and check the values; the mean of the channels, ``(frames,)``."""
    mean, tally, done = np.empty(file.frames, np.float32), _Tally(file.channels), 0
    for block in _blocks(path, file):
        tally.add(block)
        mean[done : done + len(block)] = torch.from_numpy(block).mean(dim=1).numpy()
        done += len(block)
    if done < file.frames:
        told = f"is truncated: it holds {done} samples, and its header promises {file.frames}"
        raise UnusableFileError(path, told, "fetch it again or remove it")
    if tally.lost:
        when = f"the first at {tally.first_lost / file.samplerate:.2f} s"
        told = f"holds {tally.lost} values that are not finite ({when})"
        raise UnusableFileError(path, told, "mend or remove the file")
    if tally.loudest > LOUDEST:
        told = f"reaches {tally.loudest:.5g}, and full scale is 1"
        remedy = "divide it by its full scale (32768 if the values are those of 16 bits)"
        raise UnusableFileError(path, told, remedy)
    if tally.power > 0 and _power(mean) < CANCELLED * tally.power:
        told = f"is silent when its {file.channels} channels are averaged, since they cancel"
        raise UnusableFileError(path, told, "keep one channel")
    _refuse_silence(path, mean)
    return mean


class _Tally:
    """Sums over the decoded blocks of a recording."""

    def __init__(self, channels: int) -> None:
        self.lost = self.first_lost = self._frames = 0
        self.loudest = 0.0
        self._sums, self._squares = np.zeros(channels), np.zeros(channels)

    def add(self, block: Samples) -> None:
        """Add a block ``(frames, channels)``."""
        finite = np.isfinite(block)
        if not finite.all():
            if not self.lost:
                self.first_lost = self._frames + int(np.argmin(finite.all(axis=1)))
            self.lost += int(finite.size - np.count_nonzero(finite))
            block = np.where(finite, block, 0)
        self.loudest = max(self.loudest, float(np.abs(block).max(initial=0.0)))
        self._sums += block.sum(axis=0, dtype=np.float64)
        self._squares += np.square(block, dtype=np.float64).sum(axis=0)
        self._frames += len(block)

    @property
    def power(self) -> float:
        """Mean square of the channels about their means."""
        return float((self._squares / self._frames - (self._sums / self._frames) ** 2).mean())


def _power(mean: Samples) -> float:
    return float(np.var(mean, dtype=np.float64))


def _refuse_silence(path: Path, samples: Samples) -> None:
    """Refuse a recording that nowhere departs from its mean by SILENT, such as a constant one."""
    middle = float(samples.mean(dtype=np.float64))
    departs = max(float(samples.max()) - middle, middle - float(samples.min()))
    if departs < SILENT:
        told = f"is silent: its samples are within {departs:.2g} of their mean, and full scale is 1"
        raise UnusableFileError(path, told, "raise its level or remove it")


def _blocks(path: Path, file: soundfile.SoundFile) -> Iterator[Samples]:
    """Decode ``(frames, channels)`` float32 blocks; a FLAC file is compared with its checksum."""
    wanted = flac_md5(path) if file.format == "FLAC" else None
    width = {"PCM_S8": 1, "PCM_16": 2, "PCM_24": 3}.get(file.subtype)
    frames = max(1, BLOCK // file.channels)
    if wanted is None or width is None:
        while len(block := file.read(frames, dtype="float32", always_2d=True)):
            yield block
        return
    digest = hashlib.md5(usedforsecurity=False)
    while len(values := file.read(frames, dtype="int32", always_2d=True)):
        # libsndfile gives the bits at the top of 32; the checksum is of the lowest bytes alone.
        packed = values.astype("<i4").view(np.uint8).reshape(-1, 4)[:, 4 - width :]
        digest.update(packed.tobytes())
        yield values.astype(np.float32) / np.float32(2**31)
    if digest.digest() != wanted:
        told = "is damaged: its samples do not match the checksum in its header"
        raise UnusableFileError(path, told, "fetch it again or remove it")


def _facts(path: Path) -> Facts:
    """Facts about a recording: its print, its rate, and its number of hops at 16 kHz."""
    recording = read_recording(path)
    frames = len(recording.waveform) // HOP
    return {"print": print_of(recording.waveform), "rate": recording.rate, "frames": frames}


def _copies(facts: Mapping[str, Facts]) -> Groups:
    """Recordings that are copies of one another, in any format or level."""
    return copies({name: one["print"] for name, one in facts.items()})


CHECK = Check(f"recordings-{VERSION}", frozenset({"print", "rate", "frames"}), _facts, _copies)


def frames_by_header(path: Path) -> int:
    """Number of hops of a recording at 16 kHz, as its header states it.

    Raises:
        UnusableFileError: the file is not a readable recording.
    """
    try:
        info = soundfile.info(path)
    except (soundfile.SoundFileError, OSError) as error:
        told = f"is not a readable recording: {error}"
        raise UnusableFileError(path, told, "fetch it again or remove it") from error
    frames: int = math.ceil(info.frames * SAMPLE_RATE / info.samplerate) // HOP
    return frames
