"""One recording: what it must hold, what its header may say, and the cost of reading it."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torchaudio.functional import resample

from benchmarks.data import features
from benchmarks.data.checked import UnusableFileError
from benchmarks.data.features import to_sample_rate
from benchmarks.data.headers import flac_md5
from benchmarks.data.recordings import CHECK, frames_by_header, read_recording
from benchmarks.data.resampling import resampled
from synthetic.recordings import cut, patched, voice, write

LENGTH = 8_000  # samples of the voices here


def at(place: int, value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(samples: np.ndarray) -> np.ndarray:
        samples = samples.copy()
        samples[place] = value
        return samples

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (at(4000, np.nan), r"holds 1 values that are not finite \(the first at 0\.25 s\)"),
        (at(-1, np.inf), r"holds 1 values .* \(the first at 0\.50 s\); mend or remove the file"),
        (lambda x: x / 0 * 0, r"holds 8000 values that are not finite \(the first at 0\.00 s"),
        (lambda x: x * 32768, r"reaches 1\d{4}, and full scale is 1; divide it by its full scale"),
        (lambda x: x * 128, r"reaches 51\.2, and full scale is 1"),
        (lambda x: x * 5, r"reaches 2, and full scale is 1"),
        (at(17, -1e30), r"reaches 1e\+30, and full scale is 1"),
        (lambda x: x * 0, r"is silent: its samples are within 0 of their mean"),
        (lambda x: x * 0 + 0.25, r"is silent: its samples are within 0 of their mean"),
        (lambda x: x * 1e-3 - 0.5, r"is silent: its samples are within 0\.0004 of their mean"),
        (lambda x: np.stack([x, -x], 1), r"is silent when its 2 channels are averaged, since they"),
        (
            lambda x: np.stack([x, -0.9 * x], 1),
            r".* 2 channels are averaged, since they cancel; keep",
        ),
        (lambda x: np.stack([x + 0.2, 0.2 - x], 1), r".*averaged, since they cancel"),
        (lambda x: np.stack([x, x * 0, -x], 1), r".*its 3 channels are averaged"),
        (lambda x: np.stack([x] * 17, 1), r"has 17 channels, more than 16; keep one channel"),
        (lambda x: x[:1000], r"is shorter than 64 ms; remove it"),
        (lambda x: x[:0], r"holds no samples by its header"),
    ],
)
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_values_that_no_recording_has(
    tmp_path: Path, change: Callable[[np.ndarray], np.ndarray], said: str, subtype: str
) -> None:
    with np.errstate(all="ignore"):
        path = write(tmp_path / "x.wav", change(voice(0)), subtype=subtype)
    with pytest.raises(UnusableFileError, match=rf"/x\.wav {said}"):
        read_recording(path)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("channels", [1, 2, 16])
def test_usual_recordings_come_back(tmp_path: Path, subtype: str, channels: int) -> None:
    wave = voice(1)
    path = write(tmp_path / "x.wav", np.stack([wave] * channels, 1), subtype=subtype)
    read = read_recording(path).waveform
    assert len(read) == LENGTH
    step = {"PCM_U8": 2**-6, "PCM_16": 2**-14}.get(subtype, 1e-6)
    assert float((read - torch.from_numpy(wave)).abs().max()) < step


def test_channels_that_differ_are_averaged(tmp_path: Path) -> None:
    both = np.stack([voice(1), voice(2)], 1)
    path = write(tmp_path / "x.wav", both, subtype="FLOAT")
    assert np.allclose(read_recording(path).waveform, both.mean(1), atol=1e-6)


def test_floats_may_overshoot_full_scale_a_little(tmp_path: Path) -> None:
    path = write(tmp_path / "x.wav", 3 * voice(1), subtype="FLOAT")  # 1.2
    assert float(read_recording(path).waveform.abs().max()) == pytest.approx(1.2, abs=1e-5)


def test_ultrasound_alone_is_silent(tmp_path: Path) -> None:
    high = 0.3 * np.sin(2 * np.pi * 20_000 * np.arange(24_000) / 48_000)
    high *= np.hanning(len(high))  # no click at the ends
    with pytest.raises(UnusableFileError, match="is silent"):
        read_recording(write(tmp_path / "x.wav", high, 48_000, "FLOAT"))


# -- files that are not what they say ------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"PK\x03\x04" + b"x" * 600, "it holds a ZIP archive"),
        (b"GIF89a" + b"x" * 600, "it holds a GIF picture"),
        (b"\0\0\0\x1cftypheic" + b"x" * 600, "it holds a HEIC picture"),
        (b"\0\0\0\x20ftypM4A " + b"x" * 600, "it holds MPEG-4 audio"),
        (bytes(5000), "its first 512 bytes are all 0, as after a download that broke off"),
        (b"<!DOCTYPE html><html>404</html>", "it holds a web page or XML"),
        (b"\xef\xbb\xbf\n  <HTML lang=en>", "it holds a web page or XML"),
        (b"<?xml version='1.0'?><Error>AccessDenied</Error>", "it holds a web page or XML"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "a pointer of Git LFS"),
        (b"RIFF\x10\x00\x00\x00WAVE", ""),
        (b"fLaC", ""),
        (bytes(5000), ""),
    ],
)
@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_something_else_under_the_name(
    tmp_path: Path, content: bytes, said: str, ending: str
) -> None:
    path = tmp_path / f"x.{ending}"
    path.write_bytes(content)
    with pytest.raises(UnusableFileError, match=rf"x\.{ending} is not a readable rec.*{said}.*; f"):
        read_recording(path)


@pytest.mark.parametrize("kind", ["AIFF", "OGG", "AU", "W64"])
def test_another_format_under_the_name(tmp_path: Path, kind: str) -> None:
    source = tmp_path / "x.bin"
    soundfile.write(source, voice(0), 16_000, format=kind)
    path = source.rename(tmp_path / "x.wav")
    with pytest.raises(UnusableFileError, match=rf"holds {kind}, neither WAV nor FLAC; convert"):
        read_recording(path)


@pytest.mark.parametrize("share", [0.3, 0.9, 0.9999])
@pytest.mark.parametrize("form", ["WAV", "RF64", "WAVEX"])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_truncated_wav(tmp_path: Path, share: float, form: str, subtype: str) -> None:
    path = tmp_path / "x.wav"
    soundfile.write(path, voice(0), 16_000, format=form, subtype=subtype)
    read_recording(path)
    with pytest.raises(UnusableFileError, match=r"is truncated: \d+ of the bytes that its header"):
        read_recording(cut(path, share))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_truncated_flac(tmp_path: Path, share: float) -> None:
    path = cut(write(tmp_path / "x.flac", voice(0, 3.0)), share)
    with pytest.raises(UnusableFileError, match=r"is (truncated|not a readable recording|damaged)"):
        read_recording(path)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_damaged_flac(tmp_path: Path, subtype: str) -> None:
    wave = 0.5 * np.random.default_rng(0).uniform(-1, 1, 16_000)
    path = write(tmp_path / "x.flac", wave, subtype=subtype)
    read_recording(path)
    stated = flac_md5(path)
    assert stated is not None
    content = path.read_bytes()
    path.write_bytes(content.replace(stated, bytes(15) + b"\1"))
    with pytest.raises(
        UnusableFileError, match="is damaged: its samples do not match the checksum"
    ):
        read_recording(path)
    path.write_bytes(content.replace(stated, bytes(16)))  # states no checksum
    read_recording(path)
    path.write_bytes(content[:9000] + bytes(40) + content[9040:])
    with pytest.raises(UnusableFileError, match=r"is (damaged|not a readable recording)"):
        read_recording(path)


def test_a_wav_whose_writer_streamed_is_read_to_its_end(tmp_path: Path) -> None:
    path = write(tmp_path / "x.wav", voice(0))
    wanted = read_recording(path).waveform
    patched(path, 40, "<I", 0xFFFFFFFF)
    assert torch.equal(read_recording(path).waveform, wanted)


# -- headers that cost -----------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [1, 100, 7_999, 192_001, 2**31 - 1])
def test_rates_out_of_range(tmp_path: Path, rate: int) -> None:
    path = patched(write(tmp_path / "x.wav", voice(0)), 24, "<I", rate)
    with pytest.raises(UnusableFileError, match=rf"has a rate of {rate} Hz, outside 8000 to 19"):
        read_recording(path)


def test_lengths_and_channels_out_of_range(tmp_path: Path) -> None:
    path = write(tmp_path / "x.wav", voice(0))
    many = patched(patched(path, 22, "<H", 300), 32, "<H", 600)
    with pytest.raises(UnusableFileError, match="has 300 channels, more than 16"):
        read_recording(many)
    patched(many, 22, "<H", 40_000)
    with pytest.raises(UnusableFileError, match=r"not a readable recording: .*Too many channels"):
        read_recording(many)
    path = write(tmp_path / "y.wav", voice(0))
    patched(path, 40, "<I", 2 * 10**9)
    with pytest.raises(UnusableFileError, match=r"y\.wav is truncated: 1999984000 of the bytes"):
        read_recording(path)
    flac = write(tmp_path / "z.flac", voice(0))
    head = int.from_bytes(flac.read_bytes()[18:26], "big") >> 36 << 36
    with pytest.raises(UnusableFileError, match="lasts 1042 minutes by its header; cut it into"):
        read_recording(patched(flac, 18, ">Q", head | 10**9))
    with pytest.raises(UnusableFileError, match="does not state its length in its header"):
        read_recording(patched(flac, 18, ">Q", head))


def test_a_long_recording_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = write(tmp_path / "x.flac", np.zeros(1_801 * 8_000), 8_000)
    tracemalloc.start()
    with pytest.raises(UnusableFileError, match="lasts 30 minutes by its header; cut it into"):
        read_recording(path)
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_010, 22_050, 24_000, 44_100, 48_000, 96_000])
def test_resampling_is_that_of_torchaudio(rate: int) -> None:
    for extra in (0, 1, 137):
        noise = torch.randn(rate // 4 + extra, generator=torch.Generator().manual_seed(extra))
        wanted = resample(noise, rate, 16_000)
        assert torch.allclose(resampled(noise, rate, 16_000), wanted, atol=1e-3)
        if rate != 16_010:
            assert torch.equal(to_sample_rate(noise, rate), wanted)


@pytest.mark.parametrize("rate", [8_009, 22_254, 44_099, 47_999, 191_999])
def test_odd_rates_keep_pitch_length_and_cost(rate: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "resample", None)  # whose table would fill the memory
    tone = torch.sin(2 * torch.pi * 440 * torch.arange(rate, dtype=torch.float64) / rate).float()
    began = time.process_time()
    made = to_sample_rate(tone, rate)
    assert time.process_time() - began < 5
    assert len(made) == 16_000
    wanted = torch.sin(2 * torch.pi * 440 * torch.arange(16_000, dtype=torch.float64) / 16_000)
    assert float((made - wanted)[200:-200].abs().max()) < 5e-3


def test_facts_agree_with_headers(tmp_path: Path) -> None:
    for rate in (8_009, 16_000, 44_100):
        path = write(tmp_path / f"{rate}.wav", voice(0, 1.03, rate), rate)
        facts = CHECK.facts(path)
        assert facts["frames"] == frames_by_header(path) == 64
        assert facts["rate"] == rate
    with pytest.raises(UnusableFileError, match="not a readable recording"):
        frames_by_header(tmp_path / "nowhere.wav")


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (34, 24, "1 x 24 bits are 3 bytes, and it states 2 bytes a frame"),
        (34, 8, "1 x 8 bits are 1 bytes, and it states 2 bytes a frame"),
        (22, 2, "2 x 16 bits are 4 bytes, and it states 2 bytes a frame"),
        (32, 4, "1 x 16 bits are 2 bytes, and it states 4 bytes a frame"),
    ],
)
def test_headers_that_contradict_themselves(
    tmp_path: Path, place: int, value: int, told: str
) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.sin(np.arange(8000) / 9), 16_000, subtype="PCM_16")
    content = bytearray(path.read_bytes())
    content[place : place + 2] = value.to_bytes(2, "little")
    path.write_bytes(content)
    with pytest.raises(UnusableFileError, match=f"header that contradicts itself: {told}; conv"):
        read_recording(path)


@pytest.mark.parametrize("form", ["WAV", "WAVEX", "RF64"])
@pytest.mark.parametrize(
    "subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"]
)
@pytest.mark.parametrize("channels", [1, 3])
def test_headers_of_libsndfile_agree(
    tmp_path: Path, form: str, subtype: str, channels: int
) -> None:
    wave = np.sin(np.arange(8000) / 9)[:, None].repeat(channels, 1)
    for endian in ("LITTLE", "BIG") if form == "WAV" and subtype == "PCM_16" else ("FILE",):
        path = tmp_path / "a.wav"
        soundfile.write(path, wave, 16_000, format=form, subtype=subtype, endian=endian)
        assert len(read_recording(path).waveform) == 8000
