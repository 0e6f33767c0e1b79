"""One layer of a Llama-style decoder. Source: arXiv:2302.13971."""

import torch.nn.functional as F
from torch import Tensor, nn

from vivace.layers.attention import KVStore, SelfAttention
from vivace.layers.fused_linear import FusedLinear
from vivace.layers.norm import RMSNorm


class SwiGLU(nn.Module):
    """``down(silu(gate(x)) * up(x))``. Source: arXiv:2002.05202."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(dim, hidden, bias=False)
        self.up_proj = nn.Linear(dim, hidden, bias=False)
        self.down_proj = nn.Linear(hidden, dim, bias=False)
        self._fused: FusedLinear | None = None

    def fuse(self) -> None:
        """Make gate and value in one product from now on; for inference, once the weights are final."""
        self._fused = FusedLinear((self.gate_proj, self.up_proj))

    def forward(self, x: Tensor) -> Tensor:
        if self._fused is None:
            gate, up = self.gate_proj(x), self.up_proj(x)
        else:
            gate, up = self._fused(x).chunk(2, dim=-1)
        out: Tensor = self.down_proj(F.silu(gate) * up)
        return out


class DecoderBlock(nn.Module):
    """Pre-norm attention and SwiGLU, each with a residual."""

    def __init__(self, dim: int, heads: int, hidden: int, eps: float) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(dim, eps)
        self.self_attn = SelfAttention(dim, heads)
        self.post_attention_layernorm = RMSNorm(dim, eps)
        self.mlp = SwiGLU(dim, hidden)

    def forward(self, x: Tensor, rope: tuple[Tensor, Tensor], store: KVStore, layer: int) -> Tensor:
        """``x`` ``[B, L, D]`` -> ``[B, L, D]``."""
        x = x + self.self_attn(self.input_layernorm(x), rope, store, layer)
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out
