"""DiffWave for inference on a CPU: matrix products on pieces that fit a cache.

:class:`bddm_ref.networks.diffwave.DiffWave` passes over a whole utterance some ten times in each
block. This form applies all operations of a block to one piece before it reads the next piece. Time
is the first axis, so that a tap of the dilated convolution is a contiguous slice.

* One sigmoid serves both gates, because tanh(a) = 2 sigmoid(2a) - 1. The gates' weights contain
  the factor 2. The weights of residual and skip contain the sign of q - 2 s q = -(2 s - 1) q.
* The weights also contain sqrt(1/2), sqrt(1/layers) and biases; other biases are in the step
  vectors. One product gives the step vectors of all blocks.
* A transposed convolution with stride s becomes an ordinary one with s output channels.
* The last block's residual feeds nothing and is left out.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bddm_ref.levels import Embedded, Levelled
from bddm_ref.networks.diffwave import DiffWave, DiffWaveCondition, ResidualBlock

PIECE = 2**20  # bytes of a piece of a block's input; its work takes five times as many


class FastBlock:
    """Matrices of a :class:`ResidualBlock`, input channels first.

    Args:
        block: a block without weight norm.
        layers: number of blocks of the network.
        dtype: dtype of the matrices.
    """

    def __init__(self, block: ResidualBlock, layers: int, dtype: torch.dtype) -> None:
        channels = block.skip.out_channels
        twice = block.mel.weight.new_ones(2 * channels)
        twice[:channels] = 2  # the tanh
        dilated, mel = _weight(block.dilated), _weight(block.mel)[..., 0]
        residual, skip = _weight(block.residual)[..., 0], _weight(block.skip)[..., 0]
        self.dilation = block.dilated.dilation[0]
        self.twice, self.dilated_bias = twice, _bias(block.dilated)
        self.taps = (twice[:, None, None] * dilated).permute(2, 1, 0).to(dtype).contiguous()
        self.mel = (twice[:, None] * mel).to(dtype)
        self.gate_bias = (twice * (_bias(block.dilated) + _bias(block.mel))).to(dtype)
        self.residual = (-math.sqrt(0.5) * residual.T).to(dtype).contiguous()
        self.skip = (-math.sqrt(1 / layers) * skip.T).to(dtype).contiguous()
        self.upsample = [
            (_as_channels(_weight(layer)).to(dtype), _bias(layer).to(dtype))
            for layer in block.upsample
        ]

    def encode(self, log_mel: Tensor) -> Tensor:
        """Map a mel ``(B, mels, columns)`` to a condition ``(B, columns * hop, 2 channels)``."""
        plane = log_mel[:, None]
        for weight, bias in self.upsample:
            points = F.conv2d(plane, weight, bias.expand(len(weight)), padding=1)
            # The stride's channels lie between two columns.
            plane = F.leaky_relu(points, 0.4).permute(0, 2, 3, 1).flatten(2)[:, None]
        return F.linear(plane[:, 0].transpose(1, 2), self.mel, self.gate_bias)

    def as_theirs(self, condition: Tensor) -> Tensor:
        """Convert a condition to that of :class:`ResidualBlock`, ``(B, 2 channels, L)``."""
        return (condition / self.twice - self.dilated_bias).transpose(1, 2)

    def gates(self, hidden: Tensor, start: int, condition: Tensor, space: Tensor) -> Tensor:
        """Compute minus the gated output of a piece, ``(L, channels)``.

        Args:
            hidden: hidden state of the whole utterance, ``(L_all, channels)``.
            start: first row of the piece; the piece is at least a dilation from either end.
            condition: condition of the piece, ``(L, 2 channels)``.
            space: scratch memory, ``(L, 2 channels)``; overwritten.
        """
        length = len(condition)
        places = (start - self.dilation, start, start + self.dilation)
        taps = [hidden[at : at + length] for at in places]
        torch.addmm(condition, taps[0], self.taps[0], out=space)
        for tap, weight in zip(taps[1:], self.taps[1:], strict=True):
            space.addmm_(tap, weight)
        signal, gate = space.sigmoid_().chunk(2, dim=1)
        return torch.addcmul(gate, signal, gate, value=-2)


class FastDiffWave(Levelled, nn.Module):
    """eps_theta(x_t, alpha, condition) with arguments and result of :class:`DiffWave`.

    Conditions are ``(B, L, 2 channels)`` for each block, and come from this class' :meth:`encode`.
    Where a gradient with respect to x or alpha is required, the plain network computes the noise.

    Args:
        net: trained network; loses its weight norm.
        dtype: working precision, regardless of autocast. The device is the network's.
    """

    def __init__(self, net: DiffWave, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        net.fold_weight_norm()
        net.requires_grad_(False)
        for layer in (net.widen_step, net.mix_step):  # weights may be rounded, biases are not
            layer.weight.data = layer.weight.data.to(layer.bias.dtype)
        self.net = net
        self.dtype = dtype
        layers = net.config.layers
        blocks = [block for block in net.blocks if isinstance(block, ResidualBlock)]
        self.blocks = [FastBlock(block, layers, dtype) for block in blocks]
        self.margin = max(block.dilation for block in self.blocks)
        self.step_bias = torch.stack([block.step.bias for block in blocks])
        self.step_weight = torch.cat([block.step.weight for block in blocks]).to(self.step_bias)
        # A block adds the bias of the residual before it together with its step vector.
        self.step_bias[1:] += math.sqrt(0.5) * torch.stack([_bias(b.residual) for b in blocks[:-1]])
        skip_bias = torch.stack([_bias(block.skip) for block in blocks]).sum(0)
        self.skip_bias = (math.sqrt(1 / layers) * skip_bias).to(dtype)
        self.enter = net.enter.weight[:, 0, 0].to(dtype), _bias(net.enter).to(dtype)
        self.gather = net.gather.weight[..., 0].to(dtype), _bias(net.gather).to(dtype)
        self.predict = net.predict.weight[0, :, 0].to(dtype), _bias(net.predict).to(dtype)

    def encode(self, log_mel: Tensor) -> DiffWaveCondition:
        """Condition every block, once per utterance; see :meth:`DiffWave.encode`."""
        with torch.autocast(log_mel.device.type, enabled=False):
            return tuple(block.encode(log_mel.to(self.dtype)) for block in self.blocks)

    def embed_levels(self, alpha: Tensor) -> Embedded:
        """Compute step embeddings ``(N, embedding)`` and step vectors ``(N, layers, channels)``."""
        with torch.autocast(alpha.device.type, enabled=False):
            step = self.net.embed_level(alpha)
            added = F.linear(step, self.step_weight).unflatten(1, self.step_bias.shape)
            return step, (added + self.step_bias).to(self.dtype)

    def evaluate_at(self, x: Tensor, embedded: Embedded, condition: DiffWaveCondition) -> Tensor:
        """Predict the noise of x ``(B, L)``; see :meth:`DiffWave.evaluate_at`."""
        if condition[0].shape[1] < x.shape[-1]:
            raise ValueError(f"{x.shape[-1]} samples, but conditioning for {condition[0].shape[1]}")
        step, vectors = embedded
        if torch.is_grad_enabled() and (x.requires_grad or step.requires_grad):
            theirs = tuple(map(FastBlock.as_theirs, self.blocks, condition))
            return self.net.evaluate_at(x, (step,), theirs)
        with torch.autocast(x.device.type, enabled=False):
            return self._batch(x, vectors.expand(len(x), -1, -1), condition).to(x.dtype)

    def _batch(self, x: Tensor, vectors: Tensor, condition: DiffWaveCondition) -> Tensor:
        items = zip(x, vectors, zip(*condition, strict=True), strict=True)
        return torch.stack([self._item(*item) for item in items])

    def _item(self, x: Tensor, vectors: Tensor, condition: DiffWaveCondition) -> Tensor:
        margin, width = self.margin, vectors.shape[1]
        most = max(1, PIECE // (width * vectors.element_size()))
        pieces = [slice(at, min(at + most, len(x))) for at in range(0, len(x), most)]
        before, after = vectors.new_zeros(2, margin + len(x) + margin, width)
        skips = self.skip_bias.expand(len(x), -1).contiguous()
        space = vectors.new_empty(min(most, len(x)), 2 * width)
        enter, enter_bias = self.enter
        signal = x.to(vectors.dtype)[:, None]
        for piece in pieces:
            entered = torch.addcmul(enter_bias, signal[piece], enter).relu_()
            torch.add(entered, vectors[0], out=before[_shifted(piece, margin)])
        for i, block in enumerate(self.blocks):
            for piece in pieces:
                inside = _shifted(piece, margin)
                local = condition[i][piece]
                gated = block.gates(before, inside.start, local, space[: len(local)])
                skips[piece].addmm_(gated, block.skip)
                if i + 1 < len(self.blocks):
                    out = after[inside]
                    torch.add(vectors[i + 1], before[inside], alpha=math.sqrt(0.5), out=out)
                    out.addmm_(gated, block.residual)
            before, after = after, before
        return torch.cat([self._gathered(skips[piece]) for piece in pieces])

    def _gathered(self, skips: Tensor) -> Tensor:
        gathered = F.linear(skips, *self.gather).relu_()
        return torch.addmv(self.predict[1], gathered, self.predict[0])


def _weight(layer: nn.Module) -> Tensor:
    weight = layer.weight  # a buffer, where it was folded without a gradient
    assert isinstance(weight, Tensor)
    return weight


def _bias(layer: nn.Module) -> Tensor:
    return layer.get_parameter("bias")


def _shifted(piece: slice, by: int) -> slice:
    return slice(piece.start + by, piece.stop + by)


def _as_channels(weight: Tensor) -> Tensor:
    """Convert a weight of :func:`bddm_ref.networks.diffwave.upsampler` to a 3 x 3 convolution's.

    Column s t + p of the output has, from column t + j of the input, the tap p + s/2 - s j.
    """
    stride = weight.shape[-1] // 2
    taps = F.pad(weight[0, 0].flip(0), (stride, stride))  # taps outside are 0
    columns = [taps[:, stride + stride // 2 - stride * j :][:, :stride] for j in (-1, 0, 1)]
    return torch.stack(columns, dim=-1).permute(1, 0, 2)[:, None].contiguous()
