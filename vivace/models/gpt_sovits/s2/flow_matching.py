"""From noise to a mel in a few Euler steps. Source: arXiv:2210.02747; section 12.1 of the GPT-SoVITS model facts."""

# B batch, M mel bands, T frames, P frames of the recording, C condition channels

import torch
from torch import Tensor

from vivace.models.gpt_sovits.s2.dit import FlowTransformer

LOWEST, HIGHEST = -12.0, 2.0  # of a log-mel; the solver sees -1 to 1
NO_GUIDANCE = 1e-5


def normalised(mel: Tensor) -> Tensor:
    """A log-mel as the solver sees it."""
    return (mel - LOWEST) / (HIGHEST - LOWEST) * 2 - 1


def denormalised(mel: Tensor) -> Tensor:
    """What the solver made as a log-mel."""
    return (mel + 1) / 2 * (HIGHEST - LOWEST) + LOWEST


def solve(
    network: FlowTransformer, condition: Tensor, prompt: Tensor, noise: Tensor, steps: int, *, guidance: float = 0.0
) -> Tensor:
    """A normalised mel.

    Args:
        condition: ``[B, C, T]``.
        prompt: ``[1 or B, M, P]`` the recording's normalised mel, the first frames.
        noise: ``[B, M, T]`` standard normal.
        steps: more are finer; v3 was made for 32, v4 for 8.
        guidance: how far to go away from what the network would do without recording and condition.
    Returns:
        ``[B, M, T]``; the first ``P`` frames are zeros.
    """
    frames = prompt.shape[2]
    x = noise.clone()
    x[:, :, :frames] = 0
    given = torch.zeros_like(x)
    given[:, :, :frames] = prompt
    guided = guidance > NO_GUIDANCE
    if guided:  # with and without recording and condition, as one batch
        condition = torch.cat((condition, torch.zeros_like(condition)))
        given = torch.cat((given, torch.zeros_like(given)))
    text = network.text(condition)
    step, time = 1 / steps, 0.0
    for _ in range(steps):
        velocity = network(x.repeat(2, 1, 1) if guided else x, given, text, network.modulations(time, step))
        if guided:
            wanted, without = velocity.chunk(2)
            velocity = wanted + guidance * (wanted - without)
        x = x + step * velocity
        time += step
        x[:, :, :frames] = 0
    return x
