"""Products with the matrices of a language model: layouts for speed, one for each number format."""

# M rows, N outputs, K inputs, G inputs that share a scale

import warnings
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from vivace.layers.meta_init import meta_init
from vivace.layers.native.kernels import kernels
from vivace.layers.native.product import PackedInt8, packs
from vivace.layers.quantization import GROUP, QuantizedLinear, dequantize, quantize_int8, unpack_int4
from vivace.types import Precision


class PackedLinear(Protocol):
    """Rows times a matrix that was laid out once, for speed."""

    def __call__(self, x: Tensor) -> Tensor:
        """``[..., inputs]`` -> ``[..., outputs]`` in the same type; any floating type is taken."""
        ...

    def input_dtype(self, rows: int) -> torch.dtype:
        """The type that costs no conversion for so many rows."""
        ...


MIN_ROWS = 2  # one row takes another way through oneDNN, with other rounding; from two rows on all go the same


class OneDNNLinear:
    """A matrix in the blocks that oneDNN multiplies with.

    Torch's own product sends float32 to MKL, which lays the matrix out anew in every call. Packed once, a decode step
    takes half the time (``benchmarks/README.md``), and a row's result is the same to the bit however many rows it
    shares the call with, which the engine's promise (same codes alone and in any batch) needs.
    """

    def __init__(self, weight: Tensor) -> None:
        """``weight`` ``[N, K]`` float32 or bfloat16; nothing of it is kept."""
        self._dtype, self._outputs = weight.dtype, len(weight)
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), 16)

    def __call__(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, x.shape[-1]).to(self._dtype)
        count = len(rows)
        if count < MIN_ROWS:
            rows = rows.expand(MIN_ROWS, -1).contiguous()
        y: Tensor = torch.ops.mkldnn._linear_pointwise.default(rows, self._weight, None, "none", [], "")
        return y[:count].view(*x.shape[:-1], self._outputs).to(x.dtype)

    def input_dtype(self, rows: int) -> torch.dtype:
        return self._dtype


def can_pack(weight: Tensor) -> bool:
    """Whether this build of torch, this machine and this type have such products."""
    if weight.device.type != "cpu" or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    if not hasattr(torch.ops.mkldnn, "_reorder_linear_weight"):
        return False
    bfloat16 = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return weight.dtype == torch.float32 or (weight.dtype == torch.bfloat16 and bfloat16 is not None and bfloat16())


ENGINE = "fbgemm"
MAKE = "_make_per_channel_quantized_tensor"


def can_multiply_int8() -> bool:
    """Whether this build of torch has the CPU products (x86; torch means to drop its quantized tensors one day)."""
    return ENGINE in torch.backends.quantized.supported_engines and hasattr(torch, MAKE)


FULL_LEVELS, SAFE_LEVELS = 127, 63


def row_levels() -> int:
    """Steps from 0 to the largest value of a row: 8 bits where the CPU has VNNI, 7 bits elsewhere.

    Without VNNI a pair of products is summed in 16 bits (``vpmaddubsw``), which 8 bits on both sides overflow.
    """
    known = getattr(torch.cpu, "_is_vnni_supported", None)
    return FULL_LEVELS if known is not None and known() else SAFE_LEVELS


def _pack(codes: Tensor, scale: Tensor) -> Any:  # an opaque handle of torch's
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = ENGINE  # the engine that packs a matrix also multiplies it
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*deprecated", category=UserWarning)
            zero = torch.zeros(len(scale), dtype=torch.long)
            weight = getattr(torch, MAKE)(codes.contiguous(), scale.double(), zero, 0)
        return torch.ops.quantized.linear_prepack(weight, None)
    finally:
        torch.backends.quantized.engine = before


class Int8Linear:
    """Rows are rounded to ``row_levels``, each with its own scale, multiplied by int8, and summed exactly in int32.

    One scale for all rows would be a third faster for many, but then the codes of a row depend on the batch, and the
    first positions of a prompt hold values a hundred times those of the others (arXiv:2402.17762).
    """

    def __init__(self, codes: Tensor, scale: Tensor) -> None:
        """``codes`` ``[N, K]`` int8, ``scale`` ``[N]`` float32; nothing of them is kept."""
        self._weight = _pack(codes, scale)
        self._top = row_levels()

    def __call__(self, x: Tensor) -> Tensor:
        rows = x.float()
        largest = rows.abs().amax(-1, keepdim=True).clamp(min=1e-30)
        multiply = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32.default
        y: Tensor = multiply(rows / largest, 1 / self._top, self._top + 1, self._weight).mul_(largest)
        return y.to(x.dtype)

    def input_dtype(self, rows: int) -> torch.dtype:
        return torch.float32


FEW_ROWS = 2  # up to here reading half the bytes wins; from three rows on the int8 product is faster (measured)
OUTPUTS = 16  # the kernel takes N in multiples of this


def can_multiply_int4(codes: Tensor) -> bool:
    """Whether torch's CPU kernel takes a matrix of this shape."""
    has_kernel = hasattr(torch.ops.aten, "_weight_int4pack_mm_for_cpu")
    return has_kernel and len(codes) % OUTPUTS == 0 and 2 * codes.shape[1] % GROUP == 0


class Int4Linear:
    """One or two rows meet int4 weights in bfloat16; more rows meet the same weights rounded to int8.

    A single row is bound by the bytes of the matrix, and int4 has half of them; many rows are bound by arithmetic,
    which int8 does faster. Holding both takes 1.6 bytes per weight. The second rounding adds about a hundredth of the
    first one's error.
    """

    def __init__(self, codes: Tensor, scale: Tensor) -> None:
        """``codes`` ``[N, K / 2]`` uint8 and ``scale`` ``[N, K / G, 2]``, as ``quantize_int4`` gives them."""
        self._many = Int8Linear(*quantize_int8(dequantize(codes, scale)))
        self._outputs = len(codes)
        self._few = torch.ops.aten._convert_weight_to_int4pack_for_cpu(unpack_int4(codes).int(), 1)
        self._scale = scale.transpose(0, 1).contiguous().bfloat16()  # [K / G, N, 2]

    def __call__(self, x: Tensor) -> Tensor:
        inputs = x.shape[-1]
        if x.numel() > FEW_ROWS * inputs:
            return self._many(x)
        rows = x.reshape(-1, inputs).to(torch.bfloat16)
        y: Tensor = torch.ops.aten._weight_int4pack_mm_for_cpu.default(rows, self._few, GROUP, self._scale)
        return y.view(*x.shape[:-1], self._outputs).to(x.dtype)

    def input_dtype(self, rows: int) -> torch.dtype:
        return torch.bfloat16 if rows <= FEW_ROWS else torch.float32


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


def fuse_linears(layers: Sequence[nn.Module]) -> PackedLinear:
    """One product for layers that read the same input, in the layout that is fastest here.

    Nothing is held twice: the layers are left empty, or become views (``FusedLinear``) where oneDNN does not multiply
    in their type.

    Args:
        layers: all ``nn.Linear`` or all ``QuantizedLinear``, without biases.
    """
    plain = [layer for layer in layers if isinstance(layer, nn.Linear)]
    if len(plain) == len(layers):
        if not can_pack(plain[0].weight):
            return FusedLinear(plain)
        packed = OneDNNLinear(torch.cat([layer.weight.detach() for layer in plain]))
        for layer in plain:
            layer.weight = nn.Parameter(layer.weight.new_empty(0), requires_grad=False)
        return packed
    quantized = [layer for layer in layers if isinstance(layer, QuantizedLinear)]
    assert len(quantized) == len(layers), "layers that are fused are of one kind"
    codes, scale = (torch.cat([getattr(layer, name) for layer in quantized]) for name in ("codes", "scale"))
    for kept in quantized:
        kept.codes, kept.scale = codes[:0].clone(), scale[:0].clone()
    if codes.dtype != torch.int8:
        if can_multiply_int4(codes) and can_multiply_int8() and kernels() is None:  # these take a single row themselves
            return Int4Linear(codes, scale)
        codes, scale = quantize_int8(dequantize(codes, scale))
    native = kernels()
    if native is not None and packs(codes):
        return PackedInt8(native, codes, scale)
    return Int8Linear(codes, scale) if can_multiply_int8() else _in_float32(dequantize(codes, scale))


def _in_float32(weight: Tensor) -> PackedLinear:
    """For builds of torch without products in int8 (Arm), some of which lack those of oneDNN, too."""
    if can_pack(weight):
        return OneDNNLinear(weight)
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    layer.weight = nn.Parameter(weight, requires_grad=False)
    return FusedLinear([layer])


class BiasedProduct:
    """The layer's matrix as ``fuse_linears`` lays it out, and its bias in float32.

    The layer's own matrix moves: it is left empty on the CPU.

    Args:
        precision: of the matrix.
    """

    def __init__(self, layer: nn.Linear, precision: Precision = "float32") -> None:
        self.bias = None if layer.bias is None else layer.bias.detach()
        plain: nn.Module = layer
        if precision in ("int8", "int4"):
            with meta_init():
                bare = nn.Linear(layer.in_features, layer.out_features, bias=False)
            bare.weight = layer.weight
            plain = QuantizedLinear.of(bare, "int8" if precision == "int8" else "int4")
            layer.weight = nn.Parameter(layer.weight.new_empty(0), requires_grad=False)
        elif precision == "bfloat16":
            layer.weight = nn.Parameter(layer.weight.detach().to(torch.bfloat16), requires_grad=False)
        self.product = fuse_linears((plain,))

    def __call__(self, x: Tensor) -> Tensor:
        """``[..., inputs]`` -> ``[..., outputs]``."""
        y = self.product(x)
        return y if self.bias is None else y + self.bias.to(y.dtype)


def set_precision(module: nn.Module, precision: Precision) -> None:
    """Hold every ``nn.Linear`` inside ``module`` in ``precision`` from now on; call it before ``fuse``.

    Tables and norms stay in float32: a step reads one row of a table, and norms are a thousandth of the weights.
    Linears that are quantized already stay as they are.
    """
    if precision == "float32":
        return
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if not isinstance(child, nn.Linear):
                continue
            if precision == "bfloat16":
                child.weight = nn.Parameter(child.weight.detach().to(torch.bfloat16), requires_grad=False)
            else:
                setattr(parent, name, QuantizedLinear.of(child, precision))
