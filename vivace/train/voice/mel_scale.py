"""The level and spread of each mel bin, and a decoder that starts at that level."""

# M mel bins, H width of the stack, O its output width

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vivace.models.chattts.conv_stack import ConvStack
from vivace.train.corpus.dataset import Corpus, Utterance

LEVEL = 2.0  # of the constant channel: about the size of the others


def mel_statistics(corpus: Corpus, utterances: Sequence[Utterance], most: int = 200) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each bin ``[M]``, over the first ``most`` utterances."""
    mels: NDArray[np.float32] = np.concatenate([corpus.mel(u) for u in utterances[:most]])
    return torch.from_numpy(mels.mean(0)), torch.from_numpy(mels.std(0) + 1e-3)


@torch.no_grad()
def start_at_mean(stack: ConvStack, out_conv: nn.Conv1d, mean: Tensor) -> None:
    """Make ``out_conv(stack(anything))`` begin around ``mean`` ``[M]``.

    Published decoders have no bias behind the stack, and log-mels lie far below zero. Left to itself a stack needs long
    to get there, and then carries a large constant in all channels, which every step of training shakes. So one channel
    is kept out of the blocks and holds a constant, from which ``conv_out`` makes the mean.
    """
    tensors = stack.state_dict()
    tensors["conv_in.2.weight"][0], tensors["conv_in.2.bias"][0] = 0.0, LEVEL
    for name, tensor in tensors.items():
        if name.startswith("blocks.") and name.endswith((".scale", ".dwconv.weight", ".dwconv.bias")):
            tensor[0] = 0.0
    taps = out_conv.weight.sum(-1).double()  # [M, O]
    ridge = 0.02 * torch.eye(taps.shape[1], dtype=torch.float64)
    wanted = torch.cat((mean.double(), mean.new_zeros(taps.shape[1]).double()))
    column = torch.linalg.lstsq(torch.cat((taps, ridge)), wanted[:, None]).solution[:, 0]
    stack.conv_out.weight[:, 0, 0] = column.float() / LEVEL
