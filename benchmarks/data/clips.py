"""Pieces of held-out recordings that every contestant is judged on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from benchmarks.core.errors import UserError
from benchmarks.data.features import HOP
from benchmarks.data.speech import Utterance


@dataclass(frozen=True)
class Clip:
    """A piece of a held-out recording."""

    name: str
    waveform: Tensor  # (L,), unscaled
    log_mel: Tensor  # (MELS, L / HOP + 1)


def centre_clips(utterances: Sequence[Utterance], count: int, frames: int) -> list[Clip]:
    """The middle ``frames`` hops of the first ``count`` utterances.

    Raises:
        UserError: fewer than ``count`` recordings are that long.
    """
    long_enough = [u for u in utterances if u.frames >= frames]
    if len(long_enough) < count:
        raise UserError(
            f"{count} clips of {frames * HOP} samples are wanted, and the split has "
            f"{len(long_enough)} recordings of that length; lower the count or 'clip_frames'"
        )
    clips = []
    for utterance in long_enough[:count]:
        waveform, mel = utterance.crop((utterance.frames - frames) // 2, frames)
        clips.append(Clip(utterance.name, waveform, mel))
    return clips
