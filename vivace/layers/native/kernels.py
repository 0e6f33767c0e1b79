"""The compiled kernels as functions of tensors. Their slow twins are the plain torch ways of the layers.

Every function gives the same bits on every CPU kind, and for a row in any batch.
"""

# n rows, H heads, d width of a head, D model width, P positions, L new positions, M rows, N outputs, K inputs

import ctypes
from collections.abc import Callable, Sequence
from ctypes import c_float, c_int, c_int32, c_int64, c_void_p
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vivace.layers.native.build import build, kinds_of, machine

LANES = 16  # partial sums of a float sum; widths are multiples of it
MAX_HEAD, MAX_KEYS, MAX_WIDTH = 256, 8192, 16384  # limits of the C files
KV_FORMS = {torch.float32: 0, torch.bfloat16: 1, torch.int8: 2}

# Bits of vivace_cpu_kinds (src/cpu.c).
_BITS = {"portable": 1, "avx2": 2, "avxvnni": 4, "avx512vnni": 8, "amx": 16, "dotprod": 32, "i8mm": 64}

P, N = c_void_p, c_int64  # argument types of the kernels

_active: "Kernels | None" = None


def activate(folder: Path, kind: str = "auto") -> bool:
    """Use compiled kernels in everything that is fused from now on; where they must be compiled, ``folder`` keeps them.

    Args:
        kind: a CPU kind of ``available``, or ``auto``: the fastest.
    Returns: whether there are any; False means plain torch.
    Raises: ValueError when the CPU lacks ``kind``, with those it has.
    """
    global _active
    if _active is None or (kind not in ("auto", _active.kind)):
        library = build(folder)
        _active = None if library is None else Kernels(library, kind)
    elif kind == "auto" and _active.kind != _active.kinds[-1]:
        _active = Kernels(_active.path, kind)
    return _active is not None


def deactivate() -> None:
    """Use plain torch in everything that is fused from now on."""
    global _active
    _active = None


def kernels() -> "Kernels | None":
    """The kernels in use."""
    return _active


class Kernels:
    """Functions of float32 tensors on the CPU.

    Args:
        library: a path of ``build``.
        kind: a CPU kind, or ``auto`` for the fastest.
    Raises: ValueError when the CPU lacks ``kind``.
    """

    def __init__(self, library: Path, kind: str = "auto") -> None:
        self.path = library
        code = self._code = ctypes.CDLL(str(library))
        found = int(code.vivace_cpu_kinds())
        self.kinds = tuple(
            name for name in kinds_of(machine()) if found & _BITS[name] and hasattr(code, f"rms_norm_{name}")
        )
        if kind != "auto" and kind not in self.kinds:
            raise ValueError(f"this CPU has no kernels of kind {kind!r}; it has {', '.join(self.kinds)}")
        self.kind = self.kinds[-1] if kind == "auto" else kind
        self._threads = 0
        self._functions: dict[str, Callable[..., None]] = {}
        self._set_threads = code.vivace_set_threads
        self._set_threads.argtypes, self._set_threads.restype = (c_int32,), None
        _join_openmp(code)
        self._rms_norm = self.function("rms_norm", (P, P, P, N, N, c_float))
        self._silu_mul = self.function("silu_mul", (P, P, N, N))
        self._rope = self.function("rope", (P, P, P, N, N, N))
        self._attend = self.function("attend", (P, P, P, P, P, c_int, P, N, N, N, N, N))

    def function(self, name: str, arguments: Sequence[Any]) -> Callable[..., None]:
        """A kernel of this kind by its name in C."""
        if name in self._functions:
            return self._functions[name]
        found = getattr(self._code, f"{name}_{self.kind}")
        found.argtypes, found.restype = tuple(arguments), None
        run: Callable[..., None] = found

        def call(*given: object) -> None:
            threads = torch.get_num_threads()
            if threads != self._threads:
                self._set_threads(threads)
                self._threads = threads
            run(*given)

        self._functions[name] = call
        return call

    def answer(self, name: str) -> int:
        """The number that a kernel without arguments returns."""
        return int(getattr(self._code, f"{name}_{self.kind}")())

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
        """Rotate queries and keys of ``x`` ``[B, L, 3D]`` in place, by ``rope_table``'s cos and sin."""
        d = cos.shape[-1]
        rows = x.shape[0] * x.shape[1]
        cos, sin = (t.expand(x.shape[0], -1, -1, -1).contiguous() for t in (cos, sin))
        self._rope(x.data_ptr(), cos.data_ptr(), sin.data_ptr(), rows, heads, d)

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, slots: NDArray[np.int64], dtype: torch.dtype, prefix_len: int = 0
    ) -> Tensor:
        """Keep ``k`` and ``v`` behind the positions that each slot holds, and attend: causally, over all of them.

        Args:
            q, k, v: ``[n, H, L, d]``, d contiguous.
            slots: ``[n, 7]``, as ``native.step.slot_table`` makes it, of this layer.
            dtype: of the keys and values in memory; int8 has a scale per head and position.
            prefix_len: positions below it see one another; all of them are new ones.
        Returns:
            ``[n, H, L, d]``, contiguous.
        """
        rows, heads, queries, d = q.shape
        y = q.new_empty(rows, heads, queries, d)
        strides = np.array([size for t in (q, k, v) for size in t.stride()[:3]], np.int64)
        self._attend(
            q.data_ptr(),
            k.data_ptr(),
            v.data_ptr(),
            strides.ctypes.data,
            slots.ctypes.data,
            KV_FORMS[dtype],
            y.data_ptr(),
            rows,
            queries,
            heads,
            d,
            prefix_len,
        )
        return y


def fits(head_dim: int) -> bool:
    """Whether the kernels take heads of this width."""
    return head_dim % (2 * LANES) == 0 and head_dim <= MAX_HEAD


def _join_openmp(code: ctypes.CDLL) -> None:
    """Let the kernels run on the OpenMP threads that torch has, where it has GNU's.

    A second pool of threads would compete with torch's: both spin for a while after each call.
    """
    try:
        with open("/proc/self/maps", encoding="utf-8") as maps:
            paths = {line.split(maxsplit=5)[-1].strip() for line in maps if "libgomp" in line}
    except OSError:
        return
    for path in sorted(paths):
        if "torch" not in path:
            continue
        gomp = ctypes.CDLL(path)
        names = ("GOMP_parallel", "omp_get_thread_num", "omp_get_num_threads")
        if all(hasattr(gomp, name) for name in names):
            join = code.vivace_join_openmp
            join.argtypes, join.restype = (P, P, P), None
            join(*(ctypes.cast(getattr(gomp, name), c_void_p) for name in names))
            return
