"""A slow copy of a module: the mean of its weights over the last steps."""

from copy import deepcopy
from typing import TypeVar

import torch
from torch import nn

Module = TypeVar("Module", bound=nn.Module)


def averaging_copy(module: Module) -> Module:
    """A copy that takes part in no gradient."""
    copy = deepcopy(module)
    copy.requires_grad_(False)
    return copy


@torch.no_grad()
def follow(copy: nn.Module, module: nn.Module, decay: float) -> None:
    """One step of ``copy`` towards ``module``: what it held counts ``decay``."""
    for slow, now in zip(copy.parameters(), module.parameters(), strict=True):
        slow.lerp_(now, 1 - decay)
