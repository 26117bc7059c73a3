"""Clips of recordings: where they lie, and their names."""

from __future__ import annotations

import pytest
import torch

from benchmarks.core.clip_names import clip_names, recording_indices, recording_of
from benchmarks.data.clips import centre_clips, spread_clips
from benchmarks.data.features import HOP, MELS
from benchmarks.data.speech import Utterance


def utterance(name: str, frames: int) -> Utterance:
    """A recording whose samples are their own places."""
    ramp = torch.arange(frames * HOP, dtype=torch.float32)
    return Utterance(name, ramp, torch.zeros(MELS, frames + 1))


def starts(frames: int, count: int, of_each: int) -> list[float]:
    """First hops of clips from a recording of 100 hops."""
    clips = spread_clips([utterance("a", 100)], count, frames, of_each)
    assert all(len(clip.waveform) == frames * HOP for clip in clips)
    assert all(clip.log_mel.shape == (MELS, frames + 1) for clip in clips)
    return [float(clip.waveform[0]) / HOP for clip in clips]


@pytest.mark.parametrize(
    ("frames", "of_each", "expected"),
    [
        (41, 1, [29]),  # the middle
        (41, 2, [6, 53]),  # 6 hops before, 6 between, 6 behind
        (50, 2, [0, 50]),
        (20, 4, [4, 28, 52, 76]),
    ],
)
def test_clips_are_spread_evenly(frames: int, of_each: int, expected: list[int]) -> None:
    assert starts(frames, of_each, of_each) == expected


def test_clips_come_recording_by_recording_from_those_that_are_long_enough() -> None:
    recordings = [utterance("a", 30), utterance("b", 19), utterance("c", 20)]
    clips = spread_clips(recordings, 4, 10, 2)
    assert [clip.name for clip in clips] == ["a@1", "a@2", "c@1", "c@2"]
    with pytest.raises(ValueError, match="2 from each recording, and the split has 2 recordings"):
        spread_clips(recordings, 6, 10, 2)
    assert [clip.name for clip in centre_clips(recordings, 3, 10)] == ["a", "b", "c"]


def test_names_lead_back_to_recordings() -> None:
    for of_each in (1, 3):
        for recording in ("ru_0537", "take@2"):
            names = clip_names(recording, of_each)
            assert len(set(names)) == of_each
            assert {recording_of(name, of_each) for name in names} == {recording}
    assert recording_indices(["b@1", "a@1", "b@2"], 2) == [0, 1, 0]
    assert recording_indices(["b@1", "a@1", "b@2"], 1) == [0, 1, 2]
