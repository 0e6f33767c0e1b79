"""One layer of a Llama-style decoder. Source: arXiv:2302.13971."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vivace.layers.attention import KVStore, SelfAttention
from vivace.layers.fused_linear import fuse_linears
from vivace.layers.native.kernels import LANES, Kernels, kernels
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
        self._native: Kernels | None = None

    def fuse(self) -> None:
        """Lay the matrices out for speed, gate and value as one; for inference, once they are final."""
        weight = self.gate_proj.weight if isinstance(self.gate_proj, nn.Linear) else self.gate_proj.codes
        self._native = kernels() if weight.device.type == "cpu" and len(weight) % LANES == 0 else None
        self._gate_up = fuse_linears((self.gate_proj, self.up_proj))
        self._down = fuse_linears((self.down_proj,))

    @property
    def fused(self) -> tuple[RowLinear | None, RowLinear | None]:
        """Gate and value in one, and the way down, once fused."""
        return self._gate_up, self._down

    def forward(self, x: Tensor) -> Tensor:
        if self._gate_up is None or self._down is None:
            out: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
            return out
        both = self._gate_up(x)
        if self._native is not None and both.dtype == torch.float32:
            return self._down(self._native.silu_mul(both))
        gate, up = both.chunk(2, dim=-1)
        return self._down(F.silu(gate).mul_(up))


class DecoderBlock(nn.Module):
    """Pre-norm attention and SwiGLU, each with a residual."""

    def __init__(self, dim: int, heads: int, hidden: int, eps: float) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(dim, eps)
        self.self_attn = SelfAttention(dim, heads)
        self.post_attention_layernorm = RMSNorm(dim, eps)
        self.mlp = SwiGLU(dim, hidden)

    def fuse(self) -> None:
        """Lay everything out for speed; for inference, once the weights are final."""
        self.input_layernorm.fuse()
        self.self_attn.fuse()
        self.post_attention_layernorm.fuse()
        self.mlp.fuse()

    def forward(self, x: Tensor, rope: tuple[Tensor, Tensor], store: KVStore, layer: int) -> Tensor:
        """``x`` ``[B, L, D]`` -> ``[B, L, D]``."""
        x = x + self.self_attn(self.input_layernorm(x), rope, store, layer)
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out
