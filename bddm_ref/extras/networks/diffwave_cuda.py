"""DiffWave for inference on a GPU: few, large operations on a whole batch compute the function.

A GPU waits for launches at batch 1, and for its memory at larger batches. Each block is therefore
two matrix products, and element-wise work between them that ``torch.compile`` fuses:

* the three taps of the dilated convolution stand side by side and form one product;
* residual and skip of a block are one product;
* all tensors are in one precision, so that autocast has nothing to cast;
* factors and biases are in weights and step vectors, as in
  :mod:`bddm_ref.extras.networks.diffwave_fast`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from bddm_ref.extras.networks.diffwave_fast import FastDiffWave
from bddm_ref.networks.diffwave import DiffWave, DiffWaveCondition


class CudaDiffWave(FastDiffWave):
    """eps_theta(x_t, alpha, condition) with arguments and result of :class:`FastDiffWave`.

    Args:
        net: trained network; loses its weight norm.
        dtype: working precision, regardless of autocast. The device is the network's.
    """

    taps: Tensor
    mixes: Tensor

    def __init__(self, net: DiffWave, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(net, dtype)
        # CUDA graphs read buffers in place, and would copy any other tensor.
        taps = torch.stack([block.taps.flatten(0, 1) for block in self.blocks])
        mixes = torch.stack([torch.cat([b.residual, b.skip], dim=1) for b in self.blocks])
        self.register_buffer("taps", taps, persistent=False)
        self.register_buffer("mixes", mixes, persistent=False)
        self.dilations = [block.dilation for block in self.blocks]

    def _batch(self, x: Tensor, vectors: Tensor, condition: DiffWaveCondition) -> Tensor:
        """Predict the noise ``(B, L)`` in the network's precision.

        Hidden states are ``(B, L, channels)``; ``vectors`` are the step vectors
        ``(B, layers, channels)``.
        """
        enter, enter_bias = self.enter
        hidden = F.relu(torch.addcmul(enter_bias, x.to(self.dtype)[..., None], enter))
        hidden = hidden + vectors[:, 0, None]
        skips, last = self.skip_bias, len(self.dilations) - 1
        for i, dilation in enumerate(self.dilations):
            gated = self._gated(hidden, condition[i][:, : x.shape[1]], self.taps[i], dilation)
            if i == last:  # its residual feeds nothing
                skips = skips + gated @ self.mixes[i, :, -gated.shape[-1] :]
                break
            residual, skip = (gated @ self.mixes[i]).chunk(2, dim=-1)
            skips = skips + skip
            hidden = math.sqrt(0.5) * hidden + residual + vectors[:, i + 1, None]
        weight, bias = self.predict
        return F.linear(F.relu(F.linear(skips, *self.gather)), weight[None], bias)[..., 0]

    def _gated(self, hidden: Tensor, condition: Tensor, taps: Tensor, dilation: int) -> Tensor:
        """Compute minus the gated output, ``(B, L, channels)``; see :class:`FastBlock`."""
        length = hidden.shape[1]
        padded = F.pad(hidden, (0, 0, dilation, dilation))
        sides = [padded[:, at : at + length] for at in (0, dilation, 2 * dilation)]
        both = torch.sigmoid(torch.cat(sides, dim=-1) @ taps + condition)
        signal, gate = both.chunk(2, dim=-1)
        return torch.addcmul(gate, signal, gate, value=-2)
