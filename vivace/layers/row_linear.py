"""What a language model's blocks ask of a product with a matrix that stays the same."""

from typing import Protocol

import torch
from torch import Tensor


class RowLinear(Protocol):
    """Rows times a matrix that was laid out once, for speed."""

    def __call__(self, x: Tensor) -> Tensor:
        """``[..., inputs]`` -> ``[..., outputs]`` in the same type; any floating type is taken."""
        ...

    def input_dtype(self, rows: int) -> torch.dtype:
        """The type that costs no conversion for so many rows."""
        ...
