"""The clips that the package ``pesq`` takes safely; its C code checks none of its tables.

===============================  ==============================================================
table of fixed size              what happens beyond it
===============================  ==============================================================
50 utterances of the reference   about two more overwrite the delays of others, and scores pass
                                 the end of the scale; ten more end the process
1000 stretches of bad frames     the stack is overwritten
===============================  ==============================================================

The last entry of the first table also serves as scratch space, so that 49 utterances are safe. An
utterance lasts at least 200 ms, and a pause between two of them more than 200 ms, within a few
windows of 4 ms. A stretch of bad frames takes at least 96 ms together with the frame that ends it.
Short clips therefore need no look at their samples.
"""

from __future__ import annotations

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from metrics.items import Failure, UnscoredError

UTTERANCES = 49
LONGEST = 90  # seconds; 1000 stretches of bad frames need 96 s
SURELY_FEW = 18  # seconds, in which 50 utterances have no room
WINDOW = 4e-3  # seconds
SPEECH = 42  # windows that might count as an utterance: 50, less what edges may add
PAUSE = 46  # windows of silence that might part two utterances: 50, less the same
BAND = (250.0, 3_600.0)  # Hz; PESQ looks for utterances in the band of a telephone
QUIETEST = 1e-4  # share of the loudest window, below which PESQ takes all windows for silent
THRESHOLDS = 60  # levels tried between the quietest and the loudest window


def refuse_unsafe(target: NDArray[np.float64], sample_rate: int) -> None:
    """Refuse a reference ``(L,)`` that might overflow a table of PESQ.

    Raises:
        UnscoredError: longer than 90 s, or possibly of more than 49 utterances.
    """
    if len(target) > LONGEST * sample_rate:
        raise UnscoredError(Failure.TOO_LONG)
    if len(target) > SURELY_FEW * sample_rate and most_utterances(target, sample_rate) > UTTERANCES:
        raise UnscoredError(Failure.MANY_UTTERANCES)


def most_utterances(target: NDArray[np.float64], sample_rate: int) -> int:
    """Count the utterances at the threshold of loudness that gives the most.

    PESQ adapts its threshold to the clip. The largest count over all thresholds is at least PESQ's
    own count, whichever threshold PESQ takes. Fluent speech has half as many utterances or fewer.

    Args:
        target: the reference, ``(L,)``, not silent.
        sample_rate: 8 000 or 16 000 Hz.
    """
    band = scipy.signal.butter(4, BAND, "bandpass", fs=sample_rate, output="sos")
    filtered = scipy.signal.sosfilt(band, target)
    size = round(WINDOW * sample_rate)
    windows = filtered[: len(filtered) // size * size].reshape(-1, size)
    power = np.square(windows).mean(1)
    levels = np.geomspace(QUIETEST, 1.0, THRESHOLDS, endpoint=False) * power.max()
    return max(_utterances(power > level) for level in levels)


def _utterances(loud: NDArray[np.bool_]) -> int:
    """Count stretches of loud windows ``(W,)``, joined across short pauses."""
    edges = np.flatnonzero(np.diff(loud, prepend=False, append=False))
    starts, ends = edges[::2], edges[1::2]
    if not len(starts):
        return 0
    apart = starts[1:] - ends[:-1] > PAUSE
    first, last = np.append(True, apart), np.append(apart, True)
    return int((ends[last] - starts[first] >= SPEECH).sum())
