"""Fastest inference forms of trained networks, one for each kind of device."""

from __future__ import annotations

import torch
from torch import nn

from bddm_ref.extras.networks.diffwave_cuda import CudaDiffWave
from bddm_ref.extras.networks.diffwave_fast import FastDiffWave
from bddm_ref.networks.diffwave import DiffWave

GPUS = ("cuda",)  # device types that CudaDiffWave is made for


def inference_form(score_net: nn.Module, bf16: bool, as_it_is: bool = False) -> nn.Module:
    """Make a network that computes the same function faster.

    Args:
        score_net: trained network, on its device; a DiffWave loses its weight norm.
        bf16: whether to work in bfloat16; networks other than DiffWave leave that to autocast.
        as_it_is: whether to keep to operations on whole batches, for a GPU or for compiling.

    Returns:
        The fast form, or ``score_net`` itself where there is none.
    """
    if not isinstance(score_net, DiffWave):
        return score_net
    score_net.fold_weight_norm()
    dtype = torch.bfloat16 if bf16 else torch.float32
    if type(score_net) is DiffWave and not as_it_is:
        return FastDiffWave(score_net, dtype)
    if type(score_net) is DiffWave and score_net.predict.weight.device.type in GPUS:
        return CudaDiffWave(score_net, dtype)
    if bf16:  # round folded weights once; autocast would round them at every evaluation
        for module in score_net.modules():
            if isinstance(module, nn.Conv1d | nn.ConvTranspose2d):
                module.weight.data = module.weight.data.to(torch.bfloat16)
    return score_net
