"""Reading of one audio file at its own rate, with its values as they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.data.checked import UnusableFileError
from benchmarks.data.foreign import foreign
from benchmarks.data.headers import contradiction, missing_bytes
from benchmarks.data.recordings import FORMATS, LONGEST, RATES

AGAIN = "fetch it again"


@dataclass(frozen=True)
class Audio:
    """A decoded file.

    Attributes:
        waveform: ``(L,)`` float64, full scale = 1; floats may exceed full scale.
        rate: Hz.
        subtype: encoding, as libsndfile names it: ``PCM_16``, ``FLOAT``.
    """

    waveform: NDArray[np.float64]
    rate: int
    subtype: str


def read_audio(path: Path) -> Audio:
    """Read a WAV or FLAC file of one channel.

    Raises:
        UnusableFileError: the file is missing, empty, truncated, damaged or of another format; it
            has several channels, or a rate or length out of range; or a value is not finite.
    """
    try:
        if told := foreign(path):
            raise UnusableFileError(path, f"is not readable audio: {told}", AGAIN)
        if missing := missing_bytes(path):
            told = f"is truncated: {missing} of the bytes that its header promises are missing"
            raise UnusableFileError(path, told, AGAIN)
        with soundfile.SoundFile(path) as file:
            _refuse_header(path, file)
            waveform = file.read(dtype="float64")
            found = Audio(waveform, file.samplerate, file.subtype)
            promised = file.frames
    except (soundfile.SoundFileError, OSError) as error:
        raise UnusableFileError(path, f"is not readable audio: {error}", AGAIN) from error
    if len(found.waveform) < promised:
        told = f"is truncated: it has {len(found.waveform)} of {promised} samples"
        raise UnusableFileError(path, told, AGAIN)
    if lost := int((~np.isfinite(found.waveform)).sum()):
        told = f"has {lost} values that are not finite"
        raise UnusableFileError(path, told, "mend or remove the file")
    return found


def _refuse_header(path: Path, file: soundfile.SoundFile) -> None:
    if file.format not in FORMATS:
        told = f"has the format {file.format}, neither WAV nor FLAC"
        raise UnusableFileError(path, told, "convert it to WAV or FLAC")
    if file.channels != 1:
        raise UnusableFileError(path, f"has {file.channels} channels", "keep one channel")
    if not RATES[0] <= file.samplerate <= RATES[1]:
        told = f"has a rate of {file.samplerate} Hz, outside {RATES[0]} to {RATES[1]} Hz"
        raise UnusableFileError(path, told, "resample it")
    if not 0 < file.frames <= LONGEST * file.samplerate:
        told = f"has {file.frames} samples by its header"
        remedy = f"give a file of one sample or more, and of at most {LONGEST // 60} minutes"
        raise UnusableFileError(path, told, remedy)
    if (contradicted := contradiction(path)) is not None:
        told = f"has a header that contradicts itself: {contradicted}"
        raise UnusableFileError(path, told, "convert it again from its source")
