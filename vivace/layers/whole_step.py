"""All layers of a Llama in one call for a decode step, where the compiled kernels take them."""

# n rows, D model width

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vivace.layers.decoder_block import DecoderBlock
from vivace.layers.native.kernels import fits, kernels
from vivace.layers.native.memory import LaneMemory, each_row
from vivace.layers.native.product import PackedInt8
from vivace.layers.native.row import MAX_WIDTH, Codes, Layer, RowDecoder
from vivace.layers.native.rows import PackedLayer, RowsDecoder
from vivace.layers.quantised import GROUP, Form, QuantisedLinear


class WholeStep:
    """The fastest way through all blocks for rows of one position each; made before they are fused, and fuses them.

    int8: all rows at once where the CPU multiplies in int8; otherwise rows one by one, if the model is ``small`` (its
    weights stay in the caches). Either way a row says the same to the bit in any company. int4: a row that is alone by
    itself, several at once in int8, which gives other rounding.
    """

    def __init__(self, blocks: Sequence[DecoderBlock], *, small: bool) -> None:
        form = _form(blocks)
        self._small = small
        # The codes are kept beside what is made of them: one byte more per weight in int8, 0.6 in int4.
        self._one = row_decoder(blocks) if form == "int4" or (form == "int8" and small) else None
        for block in blocks:
            block.fuse()
        self._all = None if form is None else rows_decoder(blocks)
        if self._all is not None and form == "int8":
            self._one = None

    def __call__(self, x: Tensor, cos: Tensor, sin: Tensor, lanes: Sequence[LaneMemory] | None) -> Tensor | None:
        """``x`` ``[n, 1, D]``, ``cos`` and ``sin`` of ``rope_table``; ``lanes`` get a position more in every row.

        Returns: ``[n, 1, D]`` before the final norm; None when these rows have to go layer by layer.
        """
        if lanes is None:
            return None
        if self._one is not None and (len(x) == 1 or (self._all is None and self._small)):
            rows = enumerate(each_row(lanes))
            return torch.cat([self._one(x[i : i + 1], cos[i : i + 1], sin[i : i + 1], row) for i, row in rows])
        return None if self._all is None else self._all(x, cos, sin, lanes)


def _form(blocks: Sequence[DecoderBlock]) -> Form | None:
    """How all matrices are held, where the kernels take them; None otherwise."""
    linears = [module for block in blocks for module in block.modules() if isinstance(module, QuantisedLinear)]
    if kernels() is None or len(linears) != 7 * len(blocks) or len({linear.form for linear in linears}) != 1:
        return None
    width, hidden = linears[0].in_features, linears[-1].in_features
    aligned = width % GROUP == 0 and hidden % GROUP == 0 and fits(blocks[0].self_attn.head_dim) and hidden <= MAX_WIDTH
    return linears[0].form if aligned and linears[0].codes.device.type == "cpu" else None


def row_decoder(blocks: Sequence[DecoderBlock]) -> RowDecoder:
    """For one row of quantised ``blocks`` that are not fused yet; activations stay in float32."""
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
    return RowDecoder(native, layers, heads=blocks[0].self_attn.heads, eps=blocks[0].input_layernorm.eps)


def rows_decoder(blocks: Sequence[DecoderBlock]) -> RowsDecoder | None:
    """For all rows of fused ``blocks``; None where the CPU has no such products."""
    native = kernels()
    assert native is not None, "blocks have a form where there are kernels"
    layers = []
    for block in blocks:
        products = [p for p in (*block.self_attn.fused, *block.mlp.fused) if isinstance(p, PackedInt8)]
        if len(products) < 4:
            return None
        norms = block.input_layernorm.weight.detach(), block.post_attention_layernorm.weight.detach()
        layers.append(PackedLayer(norms[0], products[0], products[1], norms[1], products[2], products[3]))
    return RowsDecoder(native, layers, heads=blocks[0].self_attn.heads, eps=blocks[0].input_layernorm.eps)


def _codes(*linears: nn.Module) -> Codes:
    kept = [linear for linear in linears if isinstance(linear, QuantisedLinear)]
    return Codes(torch.cat([linear.codes for linear in kept]), torch.cat([linear.scale for linear in kept]))
