"""In which numbers the matrices of a language model are held and multiplied."""

from typing import Literal, cast, get_args

import torch
from torch import nn

from vivace.layers.quantised import QuantisedLinear

Precision = Literal["float32", "bfloat16", "int8", "int4"]

PRECISIONS = cast(tuple[Precision, ...], get_args(Precision))


def set_precision(module: nn.Module, precision: Precision) -> None:
    """Hold every ``nn.Linear`` inside ``module`` in ``precision`` from now on; call it before ``fuse``.

    Tables and norms stay in float32: a step reads one row of a table, and norms are a thousandth of the weights.
    Linears that are quantised already stay as they are.
    """
    if precision == "float32":
        return
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if not isinstance(child, nn.Linear):
                continue
            if precision == "bfloat16":
                child.weight = nn.Parameter(child.weight.detach().to(torch.bfloat16), requires_grad=False)
            else:
                setattr(parent, name, QuantisedLinear.of(child, precision))
