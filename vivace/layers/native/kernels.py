"""The compiled kernels as functions of tensors. Their slow twins are what the layers do without them."""

# n rows, H heads, d width of a head, D model width, P positions

import ctypes
from ctypes import c_float, c_int, c_long, c_void_p
from pathlib import Path

import torch
from torch import Tensor

from vivace.layers.native.build import build

LANES = 16  # numbers of a vector; widths are multiples of it
MAX_HEAD, MAX_KEYS = 256, 8192  # limits of the C file

_active: "Kernels | None" = None


def activate(folder: Path) -> bool:
    """Use compiled kernels in everything that is fused from now on; they are kept in ``folder``.

    Returns: whether there are any; False means plain torch.
    """
    global _active
    if _active is None:
        library = build(folder)
        _active = None if library is None else Kernels(library)
    return _active is not None


def deactivate() -> None:
    """Plain torch in everything that is fused from now on."""
    global _active
    _active = None


def kernels() -> "Kernels | None":
    """Those in use."""
    return _active


class Kernels:
    """Functions of float32 tensors on the CPU. A row's result does not depend on the other rows, to the bit."""

    def __init__(self, library: Path) -> None:
        code = self.library = ctypes.CDLL(str(library))
        self._rms_norm, self._silu_mul, self._rope, self._attend = (
            code.rms_norm,
            code.silu_mul,
            code.rope,
            code.attend,
        )
        p, n = c_void_p, c_long
        self._rms_norm.argtypes = (p, p, p, n, n, c_float)
        self._silu_mul.argtypes = (p, p, n, n)
        self._rope.argtypes = (p, p, p, n, n, n)
        self._attend.argtypes = (p, p, p, ctypes.POINTER(c_long), p, p, n, n, c_int, p, p, n, n, n)
        self.draw = code.sample  # see ``native/sample.py``
        self.draw.argtypes = (p,) * 6 + (n,) * 4
        for function in (self._rms_norm, self._silu_mul, self._rope, self._attend, self.draw):
            function.restype = None

    def rms_norm(self, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        """As ``layers.norm.RMSNorm``; ``x`` is contiguous."""
        y = torch.empty_like(x)
        dim = len(weight)
        self._rms_norm(x.data_ptr(), weight.data_ptr(), y.data_ptr(), x.numel() // dim, dim, eps)
        return y

    def silu_mul(self, x: Tensor) -> Tensor:
        """``silu(first half) * second half`` of the last axis; ``x`` is contiguous."""
        hidden = x.shape[-1] // 2
        y = x.new_empty(*x.shape[:-1], hidden)
        self._silu_mul(x.data_ptr(), y.data_ptr(), y.numel() // hidden, hidden)
        return y

    def rope(self, x: Tensor, cos: Tensor, sin: Tensor, heads: int) -> None:
        """Turn queries and keys of ``x`` ``[B, L, 3D]`` in place, by ``rope_table``'s cos and sin."""
        d = cos.shape[-1]
        rows = x.shape[0] * x.shape[1]
        cos, sin = (t.expand(x.shape[0], -1, -1, -1).contiguous() for t in (cos, sin))
        self._rope(x.data_ptr(), cos.data_ptr(), sin.data_ptr(), rows, heads, d)

    def attend(self, q: Tensor, k: Tensor, v: Tensor, keys: Tensor, values: Tensor, lengths: Tensor) -> Tensor:
        """Keep ``k`` and ``v`` in ``keys`` and ``values`` behind what each row holds, and attend to all of it.

        Args:
            q, k, v: ``[n, H, 1, d]``, d contiguous.
            keys, values: ``[n, H, P, d]`` float32 or bfloat16, laid out alike; written at ``lengths``.
            lengths: ``[n]`` int64, contiguous: what each row held before.
        Returns:
            ``[n, H, 1, d]``, contiguous.
        """
        rows, heads, _, d = q.shape
        y = q.new_empty(rows, heads, 1, d)
        strides = (c_long * 6)(*(size for t in (q, k, v) for size in t.stride()[:2]))
        self._attend(
            q.data_ptr(),
            k.data_ptr(),
            v.data_ptr(),
            strides,
            keys.data_ptr(),
            values.data_ptr(),
            keys.stride(0),
            keys.stride(1),
            keys.dtype == torch.bfloat16,
            lengths.data_ptr(),
            y.data_ptr(),
            rows,
            heads,
            d,
        )
        return y


def fits(head_dim: int) -> bool:
    """Whether the kernels take heads of this width."""
    return head_dim % (2 * LANES) == 0 and head_dim <= MAX_HEAD
