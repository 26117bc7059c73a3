"""Checks that an imported network computes finite outputs, the same each time."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from bddm_ref.networks.diffwave import DiffWave
from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.errors import UserError
from benchmarks.core.experiment import LinearSchedule
from benchmarks.data.features import FLOOR, HOP, MELS
from benchmarks.interop.base import Imported
from benchmarks.interop.schedules import process_of
from benchmarks.tracks import track_class
from benchmarks.tracks.speech.networks import encode

LEVELS = 4  # noise levels, from the first of the training schedule to its last
COLUMNS = 4  # hops of the test clip
SIDE = 32  # pixels of the test image's side
SILENCE = {"diffwave_lmnt": 0.0}  # networks whose conditioning is no log-mel spectrogram


def network_of(imported: Imported) -> nn.Module:
    """Build the network as an experiment does, with the imported weights."""
    known = track_class(imported.track).known_networks[imported.role]
    with torch.random.fork_rng(devices=[]):
        network = known[imported.network](imported.size, _process(imported))
    network.load_state_dict(imported.state)
    return network.eval().requires_grad_(False)


def outputs(imported: Imported, network: nn.Module) -> Tensor:
    """Outputs of the network on noise at several levels, ``(LEVELS, ...)``.

    The data are silence, or a grey image: x = sqrt(delta) eps.

    Raises:
        UserError: an output is not finite, differs the second time, or is no ratio.
    """
    x, _, alpha = _inputs(imported, network)
    condition = _condition(imported, network)
    with torch.inference_mode():
        arguments = (x, alpha, condition) if imported.role == "score_net" else (x,)
        first: Tensor = network(*arguments)
        second: Tensor = network(*arguments)
    for level, output in zip(alpha.tolist(), first, strict=True):
        if not bool(output.isfinite().all()):
            raise UserError(f"the imported network's output at alpha = {level:.4g} is not finite")
    if not torch.equal(first, second):
        raise UserError("the imported network's output differs the second time")
    if imported.role == "schedule_net" and not bool(((first >= 0) & (first <= 1)).all()):
        raise UserError("the imported schedule network's output is not between 0 and 1")
    return first


def folds(imported: Imported, network: nn.Module, output: Tensor) -> bool:
    """Fold the weight norm of a network into its weights.

    Returns:
        Whether the network had weight norm.

    Raises:
        UserError: the outputs differ without weight norm.
    """
    normed = any(parametrize.is_parametrized(module) for module in network.modules())
    if not isinstance(network, DiffWave) or not normed:
        return False
    network.fold_weight_norm()
    without = outputs(imported, network)
    if not torch.allclose(without, output, rtol=1e-4, atol=1e-4 * float(output.abs().max())):
        raise UserError("the imported network's output differs without weight norm")
    return True


def noise_missed(imported: Imported, network: nn.Module, output: Tensor) -> tuple[float, float]:
    """Noisiest level alpha, and the relative error of a score network's noise at that level."""
    _, eps, alpha = _inputs(imported, network)
    noise = eps[-1].double()
    missed = (noise - output[-1]).norm() / noise.norm()
    return float(alpha[-1]), float(missed)


def _process(imported: Imported) -> NoiseSchedule:
    return process_of(imported.training or LinearSchedule())


def _inputs(imported: Imported, network: nn.Module) -> tuple[Tensor, Tensor, Tensor]:
    """Noisy items and the noise in them, ``(LEVELS, ...)`` each, and levels ``(LEVELS,)``."""
    process = _process(imported)
    steps = torch.linspace(0, len(process) - 1, LEVELS).long()
    generator = torch.Generator().manual_seed(0)
    eps = torch.randn(LEVELS, *_item_shape(imported, network), generator=generator)
    scale = process.deltas[steps].sqrt().float()
    return scale.reshape(-1, *[1] * (eps.ndim - 1)) * eps, eps, process.alphas[steps]


def _item_shape(imported: Imported, network: nn.Module) -> tuple[int, ...]:
    size = imported.size
    if imported.track == "speech":
        if imported.role == "schedule_net":
            return (COLUMNS * HOP,)
        return (COLUMNS * math.prod(size.get("upsampling", (HOP,))),)
    if imported.track == "images":
        first = next(p for p in network.parameters() if p.ndim == 4)
        channels = size.get("image_channels", first.shape[1])
        side = max(SIDE, 2 ** len(size.get("block_out_channels", ())))
        return (channels, side, side)
    return (size["dimensions"],)


def _condition(imported: Imported, network: nn.Module) -> Any:
    if imported.track != "speech" or imported.role == "schedule_net":
        return None
    silence = SILENCE.get(imported.network, math.log(FLOOR))
    mels = imported.size.get("mels", MELS)
    with torch.inference_mode():
        return encode(network, torch.full((LEVELS, mels, COLUMNS + 1), silence))
