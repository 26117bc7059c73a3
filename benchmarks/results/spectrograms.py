"""The form of the spectrograms that lie beside a run's audio.

Runs draw them and pages show them. Both need this form, and pages may not import what draws.
"""

from __future__ import annotations

import math

BANDS = 80  # mel bands of Slaney's scale, one row of pixels each, the highest at the top
HIGHEST = 8_000  # Hz, upper edge of the last band
QUIETEST, LOUDEST = -80, 10  # dB of a band's magnitude, the ends of the colour scale
COLOURS = 32  # of the palette, from QUIETEST to LOUDEST
PALETTE = "magma"  # of matplotlib: its lightness grows with the level


def height_of(hz: float) -> float:
    """The place of a frequency between the lower edge of a spectrogram, 0, and the upper one, 1.

    >>> [round(height_of(hz), 2) for hz in (0, 1000, 8000)]
    [0.0, 0.33, 1.0]
    """
    # The middle of band i is step i + 1 of BANDS + 1 equal steps in mel, and row i + 1/2.
    row = _mel(hz) / _mel(HIGHEST) * (BANDS + 1) - 0.5
    return min(max(row / BANDS, 0.0), 1.0)


def _mel(hz: float) -> float:
    # Slaney's scale: linear up to 1 kHz, which is 15 mel, then 27 mel for each factor of 6.4.
    return hz * 3 / 200 if hz < 1000 else 15 + 27 * math.log(hz / 1000) / math.log(6.4)
