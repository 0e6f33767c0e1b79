"""Several projections of the same input as one product."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class FusedLinear:
    """``nn.Linear`` layers without bias that read the same input, laid side by side in memory.

    A decode step multiplies one row by many small matrices: what each product costs is mostly its call and the reading
    of its weights. One row against a tall matrix takes little more than half the time with the inputs as rows (measured
    in ``benchmarks/README.md``), so the matrix is kept that way round. The layers keep their names and become views of
    it: nothing is held twice.
    """

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        self.weight = torch.cat([layer.weight.detach() for layer in layers]).T.contiguous()  # [inputs, sum of outputs]
        start = 0
        for layer in layers:
            end = start + layer.out_features
            layer.weight = nn.Parameter(self.weight[:, start:end].T, requires_grad=False)
            start = end

    def __call__(self, x: Tensor) -> Tensor:
        """``[..., inputs]`` -> the outputs of all layers in a row, ``[..., sum of outputs]``."""
        return x @ self.weight
