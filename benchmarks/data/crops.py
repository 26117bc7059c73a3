"""Random training crops, gathered from one table without a loop over items."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.core.errors import UserError
from benchmarks.data.features import HOP
from benchmarks.data.speech import Utterance

CPU = torch.device("cpu")


class CropTable:
    """All frames of a split in two tables, one row a frame.

    Args:
        utterances: the recordings; recordings shorter than a crop are left out.
        frames: length of a crop, in hops.
        device: device of the tables and crops.

    Raises:
        UserError: no recording is long enough.
    """

    def __init__(
        self, utterances: list[Utterance], frames: int, device: torch.device = CPU
    ) -> None:
        long_enough = [u for u in utterances if u.frames >= frames]
        if not long_enough:
            raise UserError(
                f"none of {len(utterances)} recordings has the {frames * HOP} samples of a "
                "training crop; give longer recordings or a smaller 'crop_frames'"
            )
        self.frames = frames
        # One row of silence ends each recording, so that both tables have frames + 1 rows.
        hops = torch.cat([F.pad(u.waveform, (0, HOP)).view(-1, HOP) for u in long_enough])
        self._hops = hops.to(device)
        self._mels = torch.cat([u.log_mel.T for u in long_enough]).to(device)
        rows = torch.tensor([u.frames + 1 for u in long_enough])
        first = rows.cumsum(0) - rows
        self._starts = torch.cat(
            [torch.arange(int(a), int(a + r - frames)) for a, r in zip(first, rows, strict=True)]
        )

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw ``count`` crops, each start equally likely, from a CPU generator.

        Returns:
            Waveforms ``(count, frames * HOP)`` and log-mels ``(count, MELS, frames + 1)``.
        """
        chosen = torch.randint(len(self._starts), (count,), generator=generator)
        rows = self._starts[chosen, None] + torch.arange(self.frames + 1)
        rows = rows.to(self._hops.device)
        return self._hops[rows[:, :-1]].flatten(1), self._mels[rows].transpose(1, 2)
