"""What a discriminator says of a wave."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Verdict:
    """The opinion of one sub-discriminator: high where it takes the wave for a recording."""

    scores: Tensor  # [B, ...], one number for each place it looks at
    features: tuple[Tensor, ...]  # what its layers see, the first one first; their shapes are its own business
