"""Names of the clips that are cut from recordings."""

from __future__ import annotations

from collections.abc import Sequence

MARK = "@"  # between a recording's name and the number of its clip


def clip_names(recording: str, of_each: int) -> list[str]:
    """Name the clips of a recording: a single clip has its name, several have @1, @2 and so on.

    >>> clip_names("ru_0537", 2)
    ['ru_0537@1', 'ru_0537@2']
    """
    if of_each == 1:
        return [recording]
    return [f"{recording}{MARK}{i}" for i in range(1, of_each + 1)]


def recording_of(clip: str, of_each: int) -> str:
    """Name the recording that a clip was cut from; the inverse of `clip_names`.

    >>> recording_of("ru_0537@2", 2)
    'ru_0537'
    """
    return clip if of_each == 1 else clip.rpartition(MARK)[0]


def recording_indices(clips: Sequence[str], of_each: int) -> list[int]:
    """Number the recordings of clips from 0, in the order of their first clips.

    >>> recording_indices(["a@1", "a@2", "b@1", "b@2"], 2)
    [0, 0, 1, 1]
    """
    recordings = [recording_of(clip, of_each) for clip in clips]
    index = {name: i for i, name in enumerate(dict.fromkeys(recordings))}
    return [index[name] for name in recordings]
