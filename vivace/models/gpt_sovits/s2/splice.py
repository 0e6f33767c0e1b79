"""Joining pieces of a wave that overlap, where they are most alike ("SOLA").

Source: section 14.4 of the GPT-SoVITS model facts; overlap-add of similar waveforms (Verhelst and Roelands, 1993).
"""

# N samples

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

SEARCH = 320  # samples


def best_shift(tail: Tensor, head: Tensor) -> int:
    """Where in ``head`` ``[V + S]`` the ``tail`` ``[V]`` fits best, 0 to S, by normalised correlation."""
    window = tail.float()[None, None]
    following = head.float()[None, None]
    likeness = F.conv1d(following, window)[0, 0]
    energy = F.conv1d(following**2, torch.ones_like(window))[0, 0] + 1e-8
    return int((likeness / energy.sqrt()).argmax())


def splice(pieces: Sequence[Tensor], overlap: int, search: int = SEARCH) -> Tensor:
    """All pieces ``[N]`` in a row, each faded over ``overlap`` samples into the one before.

    The result is shorter than the pieces by the overlaps and by what is skipped to make neighbours fit.
    """
    fade = torch.hann_window(2 * overlap, device=pieces[0].device)
    parts: list[Tensor] = []
    current = pieces[0]
    for following in pieces[1:]:
        tail = current[len(current) - overlap :]
        following = following[best_shift(tail, following[: overlap + search]) :]
        head = fade[:overlap] * following[:overlap] + fade[overlap:] * tail
        parts.append(current[: len(current) - overlap])
        current = torch.cat((head.to(following.dtype), following[overlap:]))
    return torch.cat((*parts, current))
