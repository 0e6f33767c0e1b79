"""One layer of a Llama-style decoder. Source: arXiv:2302.13971."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vivace.layers.attention import KVStore, SelfAttention
from vivace.layers.fused_linear import fuse_linears
from vivace.layers.native.kernels import LANES, Kernels, fits, kernels
from vivace.layers.native.row import MAX_WIDTH, Codes, Layer, RowDecoder
from vivace.layers.norm import RMSNorm
from vivace.layers.quantised import GROUP, QuantisedLinear
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


def row_decoder(blocks: Sequence[DecoderBlock]) -> RowDecoder | None:
    """One call for all ``blocks`` where the compiled kernels take them: quantised, all in one form; before ``fuse``.

    It keeps the codes as they are, beside what ``fuse`` makes of them: one byte more per weight in int8, 0.6 in int4.
    """
    native, attention = kernels(), blocks[0].self_attn
    linears = [module for block in blocks for module in block.modules() if isinstance(module, QuantisedLinear)]
    if native is None or len(linears) != 7 * len(blocks) or len({linear.form for linear in linears}) != 1:
        return None
    width, hidden = linears[0].in_features, linears[-1].in_features
    aligned = width % GROUP == 0 and hidden % GROUP == 0 and fits(attention.head_dim) and hidden <= MAX_WIDTH
    if not aligned or linears[0].codes.device.type != "cpu":
        return None
    layers = [
        Layer(
            block.input_layernorm.weight,
            _codes(block.self_attn.q_proj, block.self_attn.k_proj, block.self_attn.v_proj),
            _codes(block.self_attn.o_proj),
            block.post_attention_layernorm.weight,
            _codes(block.mlp.gate_proj, block.mlp.up_proj),
            _codes(block.mlp.down_proj),
        )
        for block in blocks
    ]
    return RowDecoder(native, layers, heads=attention.heads, eps=blocks[0].input_layernorm.eps)


def _codes(*linears: nn.Module) -> Codes:
    kept = [linear for linear in linears if isinstance(linear, QuantisedLinear)]
    return Codes(torch.cat([linear.codes for linear in kept]), torch.cat([linear.scale for linear in kept]))
