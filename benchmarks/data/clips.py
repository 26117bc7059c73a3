"""Pieces of held-out recordings that every contestant is judged on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from benchmarks.core.clip_names import clip_names
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
    """Cut the middle ``frames`` hops of the first ``count`` utterances that are long enough.

    Raises:
        UserError: fewer than ``count`` recordings are that long.
    """
    return spread_clips(utterances, count, frames)


def spread_clips(
    utterances: Sequence[Utterance], count: int, frames: int, of_each: int = 1
) -> list[Clip]:
    """Cut clips of ``frames`` hops from the first utterances that are long enough.

    Clips of one utterance do not overlap. What is left of it lies in equal parts before, between
    and after them, so that a single clip is its middle.

    Args:
        utterances: the recordings, in the order of their use.
        count: number of clips, a multiple of ``of_each``.
        frames: length of a clip, in hops.
        of_each: clips of each utterance.

    Raises:
        UserError: too few recordings are long enough.
    """
    whole, wanted = of_each * frames, count // of_each
    long_enough = [u for u in utterances if u.frames >= whole]
    if len(long_enough) < wanted:
        raise UserError(
            f"{count} clips of {frames * HOP} samples are wanted, {of_each} from each recording, "
            f"and the split has {len(long_enough)} recordings of {whole * HOP} samples or more; "
            "lower the count or 'clip_frames'"
        )
    clips = []
    for utterance in long_enough[:wanted]:
        names = clip_names(utterance.name, of_each)
        for i, name in enumerate(names, 1):
            gaps = i * (utterance.frames - whole) // (of_each + 1)
            waveform, mel = utterance.crop(gaps + (i - 1) * frames, frames)
            clips.append(Clip(name, waveform, mel))
    return clips
