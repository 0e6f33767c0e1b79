"""Products in fewer bits than the numbers around them: half the time on CPUs that multiply bfloat16."""

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn

Product = nn.Linear | nn.Conv1d | nn.ConvTranspose1d


def product(layer: nn.Module, x: Tensor) -> Tensor:
    """``layer(x)``, in the numbers that its weights are in; sums with what is in float32 are in float32 again."""
    return cast(Tensor, layer(x.to(cast(Tensor, layer.weight).dtype)))


def cast_products(modules: Iterable[nn.Module], dtype: torch.dtype) -> None:
    """Hold every matrix and every convolution inside ``modules`` in ``dtype``; norms and all else stay as they are.

    Only for networks that multiply by ``product``.
    """
    for module in modules:
        for layer in module.modules():
            if isinstance(layer, Product):
                layer.to(dtype)
