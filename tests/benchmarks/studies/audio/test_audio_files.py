"""Reading of audio files at their own rates: values as they are, and files that are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.data.checked import UnusableFileError
from benchmarks.studies.audio.files import read_audio
from synthetic.recordings import patched, voice, write


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_32", "FLOAT", "DOUBLE"])
def test_values_are_as_they_are(tmp_path: Path, subtype: str) -> None:
    wave = voice(0, rate=24_000)
    found = read_audio(write(tmp_path / "a.wav", wave, 24_000, subtype))
    assert (found.rate, found.subtype) == (24_000, subtype)
    np.testing.assert_allclose(found.waveform, wave, atol=2**-15)


def test_floats_beyond_full_scale_are_kept(tmp_path: Path) -> None:
    wave = 5 * voice(0)
    found = read_audio(write(tmp_path / "a.wav", wave, subtype="DOUBLE"))
    np.testing.assert_array_equal(found.waveform, wave)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def spoilt(path: Path) -> None:
    wave = voice(0)
    wave[7] = np.nan
    write(path, wave, subtype="FLOAT")


FAULTS = {
    "missing": (Path.unlink, "is not readable audio: .*No such file"),
    "empty": (lambda path: path.write_bytes(b""), "is not readable audio: it is empty"),
    "no audio": (lambda path: path.write_bytes(b"no sound at all"), "is not readable audio"),
    "archive": (lambda path: path.write_bytes(b"PK\x03\x04" + bytes(99)), "it holds a ZIP arch"),
    "truncated": (cut, "is truncated: 1000 of the bytes that its header promises are missing"),
    "two channels": (
        lambda path: soundfile.write(path, np.zeros((99, 2)), 16_000),
        "has 2 channels; keep one channel",
    ),
    "no samples": (
        lambda path: soundfile.write(path, np.zeros(0), 16_000),
        "has 0 samples by its header; give",
    ),
    "rate": (
        lambda path: soundfile.write(path, np.zeros(99), 4_000),
        "has a rate of 4000 Hz, outside 8000 to 192000 Hz; resample it",
    ),
    "format": (
        lambda path: soundfile.write(path, np.zeros(99), 16_000, format="AIFF"),
        "has the format AIFF, neither WAV nor FLAC; convert it",
    ),
    "not finite": (spoilt, "has 1 values that are not finite; mend or remove the file"),
    "contradiction": (
        lambda path: patched(path, 32, "<H", 6),
        "has a header that contradicts itself: 1 x 16 bits are 2 bytes, and it states 6",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_with_a_file_is_named(tmp_path: Path, fault: str) -> None:
    path = write(tmp_path / "a.wav", voice(0))
    assert len(read_audio(path).waveform) == 8_000
    spoil, said = FAULTS[fault]
    spoil(path)
    with pytest.raises(UnusableFileError, match=rf"a\.wav {said}|a\.wav is .*{said}"):
        read_audio(path)
