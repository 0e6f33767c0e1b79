"""One layer of a Llama-style decoder. Source: arXiv:2302.13971."""

import torch.nn.functional as F
from torch import Tensor, nn

from vivace.layers.attention import KVStore, SelfAttention
from vivace.layers.fused_linear import fuse_linears
from vivace.layers.norm import RMSNorm
from vivace.layers.row_linear import RowLinear


class SwiGLU(nn.Module):
    """``down(silu(gate(x)) * up(x))``. Source: arXiv:2002.05202."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(dim, hidden, bias=False)
        self.up_proj = nn.Linear(dim, hidden, bias=False)
        self.down_proj = nn.Linear(hidden, dim, bias=False)
        self._gate_up: RowLinear | None = None
        self._down: RowLinear | None = None

    def fuse(self) -> None:
        """Lay the matrices out for speed, gate and value as one; for inference, once they are final."""
        self._gate_up = fuse_linears((self.gate_proj, self.up_proj))
        self._down = fuse_linears((self.down_proj,))

    def forward(self, x: Tensor) -> Tensor:
        if self._gate_up is None or self._down is None:
            out: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
            return out
        gate, up = self._gate_up(x).chunk(2, dim=-1)
        return self._down(F.silu(gate).mul_(up))


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
