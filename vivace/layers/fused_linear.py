"""Several projections of the same input as one product."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vivace.layers.int4_linear import Int4Linear, can_multiply_int4
from vivace.layers.int8_linear import Int8Linear, can_multiply_int8
from vivace.layers.native.kernels import kernels
from vivace.layers.native.product import PackedInt8, packs
from vivace.layers.packed_linear import PackedLinear, can_pack
from vivace.layers.quantised import QuantisedLinear, dequantise, quantise_int8
from vivace.layers.row_linear import RowLinear


class FusedLinear:
    """``nn.Linear`` layers without bias that read the same input, laid side by side in memory.

    The general form, for devices that have no better one. One row against a tall matrix takes little more than half
    the time with the inputs as rows (measured in ``benchmarks/README.md``), so the matrix is kept that way round. The
    layers keep their names and become views of it: nothing is held twice.
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
        return (x.to(self.weight.dtype) @ self.weight).to(x.dtype)

    def input_dtype(self, rows: int) -> torch.dtype:
        return self.weight.dtype


def fuse_linears(layers: Sequence[nn.Module]) -> RowLinear:
    """One product for layers that read the same input, in the layout that is fastest here.

    Nothing is held twice: the layers are left empty, or become views (``FusedLinear``) where oneDNN does not multiply
    in their type.

    Args:
        layers: all ``nn.Linear`` or all ``QuantisedLinear``, without biases.
    """
    plain = [layer for layer in layers if isinstance(layer, nn.Linear)]
    if len(plain) == len(layers):
        if not can_pack(plain[0].weight):
            return FusedLinear(plain)
        packed = PackedLinear(torch.cat([layer.weight.detach() for layer in plain]))
        for layer in plain:
            layer.weight = nn.Parameter(layer.weight.new_empty(0), requires_grad=False)
        return packed
    quantised = [layer for layer in layers if isinstance(layer, QuantisedLinear)]
    assert len(quantised) == len(layers), "layers that are fused are of one kind"
    codes, scale = (torch.cat([getattr(layer, name) for layer in quantised]) for name in ("codes", "scale"))
    for kept in quantised:
        kept.codes, kept.scale = codes[:0].clone(), scale[:0].clone()
    if codes.dtype != torch.int8:
        if can_multiply_int4(codes) and can_multiply_int8() and kernels() is None:  # these take a single row themselves
            return Int4Linear(codes, scale)
        codes, scale = quantise_int8(dequantise(codes, scale))
    native = kernels()
    if native is not None and packs(codes):
        return PackedInt8(native, codes, scale)
    return Int8Linear(codes, scale) if can_multiply_int8() else _in_float32(dequantise(codes, scale))


def _in_float32(weight: Tensor) -> RowLinear:
    """For builds of torch without products in int8 (Arm), some of which lack those of oneDNN, too."""
    if can_pack(weight):
        return PackedLinear(weight)
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    layer.weight = nn.Parameter(weight, requires_grad=False)
    return FusedLinear([layer])
