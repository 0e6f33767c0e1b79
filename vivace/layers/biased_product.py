"""A linear layer with a bias, laid out for decode steps."""

import torch
from torch import Tensor, nn

from vivace.layers.fused_linear import fuse_linears
from vivace.layers.precision import Precision
from vivace.layers.quantised import QuantisedLinear
from vivace.layers.unfilled import unfilled


class BiasedProduct:
    """What ``fuse_linears`` makes of the layer's matrix, and its bias in float32.

    The layer's own matrix moves: it is left empty on the CPU.

    Args:
        precision: of the matrix.
    """

    def __init__(self, layer: nn.Linear, precision: Precision = "float32") -> None:
        self.bias = None if layer.bias is None else layer.bias.detach()
        plain: nn.Module = layer
        if precision in ("int8", "int4"):
            with unfilled():
                bare = nn.Linear(layer.in_features, layer.out_features, bias=False)
            bare.weight = layer.weight
            plain = QuantisedLinear.of(bare, "int8" if precision == "int8" else "int4")
            layer.weight = nn.Parameter(layer.weight.new_empty(0), requires_grad=False)
        elif precision == "bfloat16":
            layer.weight = nn.Parameter(layer.weight.detach().to(torch.bfloat16), requires_grad=False)
        self.product = fuse_linears((plain,))

    def __call__(self, x: Tensor) -> Tensor:
        """``[..., inputs]`` -> ``[..., outputs]``."""
        y = self.product(x)
        return y if self.bias is None else y + self.bias.to(y.dtype)
