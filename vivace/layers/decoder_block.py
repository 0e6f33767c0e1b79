"""One layer of a Llama-style decoder, and all layers in one call. Source: arXiv:2302.13971."""

# n rows, D model width

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vivace.layers.attention import KVStore, SelfAttention
from vivace.layers.linear import PackedLinear, fuse_linears
from vivace.layers.native.kernels import LANES, MAX_WIDTH, Kernels, fits, kernels
from vivace.layers.native.product import PackedInt8
from vivace.layers.native.step import Codes, DecodeBatch, DecodeOne, Layer, SlotMemory
from vivace.layers.norm import RMSNorm
from vivace.layers.quantization import GROUP, Form, QuantizedLinear


class SwiGLU(nn.Module):
    """``down(silu(gate(x)) * up(x))``. Source: arXiv:2002.05202."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(dim, hidden, bias=False)
        self.up_proj = nn.Linear(dim, hidden, bias=False)
        self.down_proj = nn.Linear(hidden, dim, bias=False)
        self._gate_up: PackedLinear | None = None
        self._down: PackedLinear | None = None
        self._native: Kernels | None = None

    def fuse(self) -> None:
        """Lay the matrices out for speed, gate and value as one; for inference, once they are final."""
        weight = self.gate_proj.weight if isinstance(self.gate_proj, nn.Linear) else self.gate_proj.codes
        self._native = kernels() if weight.device.type == "cpu" and len(weight) % LANES == 0 else None
        self._gate_up = fuse_linears((self.gate_proj, self.up_proj))
        self._down = fuse_linears((self.down_proj,))

    @property
    def fused(self) -> tuple[PackedLinear | None, PackedLinear | None]:
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


class FusedDecodeStep:
    """The fastest way through all blocks for rows of one position each; made before they are fused, and fuses them.

    int8: all rows at once; a row's result is the same to the bit in any batch. int4: a single row as it is, several at
    once in int8, which gives other rounding.
    """

    def __init__(self, blocks: Sequence[DecoderBlock]) -> None:
        form = _form(blocks)
        # The codes of int4 are kept beside the int8 that is made of them: 0.6 bytes more per weight.
        self._one = decode_one(blocks) if form == "int4" else None
        for block in blocks:
            block.fuse()
        self._all = None if form is None else decode_batch(blocks)

    @property
    def takes_int8(self) -> bool:
        """Whether decode steps run here, whatever their size: then keys and values may be kept in int8."""
        return self._all is not None

    def __call__(self, x: Tensor, cos: Tensor, sin: Tensor, memory: Sequence[SlotMemory] | None) -> Tensor | None:
        """``x`` ``[n, 1, D]``, ``cos`` and ``sin`` of ``rope_table``; ``memory`` gets a position more in every slot.

        Returns: ``[n, 1, D]`` before the final norm; None when these rows have to go layer by layer.
        """
        if memory is None:
            return None
        if self._one is not None and len(x) == 1:
            return self._one(x, cos, sin, memory[0])
        return None if self._all is None else self._all(x, cos, sin, memory)


def _form(blocks: Sequence[DecoderBlock]) -> Form | None:
    """The form of all matrices, where the kernels take them; None otherwise."""
    linears = [module for block in blocks for module in block.modules() if isinstance(module, QuantizedLinear)]
    if kernels() is None or len(linears) != 7 * len(blocks) or len({linear.form for linear in linears}) != 1:
        return None
    width, hidden = linears[0].in_features, linears[-1].in_features
    aligned = width % GROUP == 0 and hidden % GROUP == 0 and fits(blocks[0].self_attn.head_dim) and hidden <= MAX_WIDTH
    return linears[0].form if aligned and linears[0].codes.device.type == "cpu" else None


def decode_one(blocks: Sequence[DecoderBlock]) -> DecodeOne:
    """For one row of int4 ``blocks`` that are not fused yet; activations stay in float32."""
    native = kernels()
    assert native is not None, "blocks have a form where there are kernels"
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
    return DecodeOne(native, layers, heads=blocks[0].self_attn.heads, eps=blocks[0].input_layernorm.eps)


def decode_batch(blocks: Sequence[DecoderBlock]) -> DecodeBatch | None:
    """For all rows of fused ``blocks``; None where a product is not in int8."""
    native = kernels()
    assert native is not None, "blocks have a form where there are kernels"
    layers = []
    for block in blocks:
        products = [p for p in (*block.self_attn.fused, *block.mlp.fused) if isinstance(p, PackedInt8)]
        if len(products) < 4:
            return None
        norms = block.input_layernorm.weight.detach(), block.post_attention_layernorm.weight.detach()
        layers.append(Layer(norms[0], products[0], products[1], norms[1], products[2], products[3]))
    return DecodeBatch(native, layers, heads=blocks[0].self_attn.heads, eps=blocks[0].input_layernorm.eps)


def _codes(*linears: nn.Module) -> Codes:
    kept = [linear for linear in linears if isinstance(linear, QuantizedLinear)]
    return Codes(torch.cat([linear.codes for linear in kept]), torch.cat([linear.scale for linear in kept]))
