"""Padding of convolutions: zeros beyond the ends of a whole signal, the kept past in a stream.

Networks of convolutions that keep the number of frames ask a context for the frames around theirs, and so run the same
code on a whole and in a stream. In a stream the output of every convolution lags by its lookahead. Outputs before the
first frame or after the last one are set to zero before the next convolution reads them, as a whole run has zeros
there. So nothing is computed twice, and a stream equals the whole.
"""

# B batch (streams), T frames, C channels, N outputs

from collections.abc import Sequence
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vivace.layers.native.convnext import PackedWindows, is_quick
from vivace.layers.native.kernels import kernels


class FrameContext(Protocol):
    """Asked once by every convolution of a network, in the order in which they run."""

    def extend(self, x: Tensor, left: int, right: int) -> Tensor:
        """``[B, T, C]`` -> ``[B, left + T + right, C]``."""
        ...

    def real(self, x: Tensor, left: int, right: int) -> Tensor | None:
        """``[B or 1, left + T + right]`` float32: 1 where ``extend`` at this moment gives a frame, 0 beyond the ends.

        None where all are frames.
        """
        ...


class WholeContext:
    """Zeros beyond both ends. Rows of a batch may be shorter than it is.

    Args:
        lengths: ``[B]``, frames of each row; None: all are of one length.
    """

    def __init__(self, lengths: Tensor | None = None) -> None:
        self._lengths = lengths

    def extend(self, x: Tensor, left: int, right: int) -> Tensor:
        if self._lengths is not None:
            x = x * self._inside(x)[..., None].to(x.dtype)
        return F.pad(x, (0, 0, left, right))

    def real(self, x: Tensor, left: int, right: int) -> Tensor | None:
        return F.pad(self._inside(x), (left, right))

    def _inside(self, x: Tensor) -> Tensor:
        if self._lengths is None:
            return torch.ones(1, x.shape[1], device=x.device)
        return (torch.arange(x.shape[1], device=x.device) < self._lengths[:, None]).float()


class StreamContext:
    """The past that streams carry from push to push, one row each.

    A row takes the first ``taken`` of the frames it is given; after them it runs on as if its stream ended there, which
    shows what it would say next. ``past`` is then that after the frames taken.

    Args:
        past: what the push before left, in the order of the convolutions; None: the streams begin.
        before: ``[B]``, frames of each stream so far.
        taken: ``[B]``, frames of this push that belong to the stream; None: all, for every row.
        width: T of this push.
        span: frames that the network sees in all around one, for the size of a table.
        inside: no convolution sees an end of any stream in this push, so nothing has to be set to zero.
    """

    def __init__(
        self,
        past: Sequence[Tensor] | None,
        before: Tensor,
        taken: Tensor | None,
        *,
        width: int,
        span: int,
        inside: bool = False,
    ) -> None:
        self.past: list[Tensor] = []
        self._given, self._taken, self._width = past, taken, width
        self._delay, self._span = 0, span
        self._real: Tensor | None = None
        if not inside:
            place = torch.arange(-span, width, device=before.device)  # relative to the first frame of this push
            ends = width if taken is None else taken[:, None]
            self._real = ((place >= -before[:, None]) & (place < ends)).float()  # [B, span + T]

    def extend(self, x: Tensor, left: int, right: int) -> Tensor:
        if (real := self.real(x, 0, 0)) is not None:
            x = x * real[..., None].to(x.dtype)
        kept = left + right
        past = x.new_zeros(len(x), kept, x.shape[2]) if self._given is None else self._given[len(self.past)]
        full = torch.cat([past, x], dim=1)
        self.past.append(self._after(full, kept))
        self._delay += right
        return full

    def real(self, x: Tensor, left: int, right: int) -> Tensor | None:
        if self._real is None:
            return None
        first = self._span - self._delay - left - right
        return self._real[:, first : first + left + right + self._width]

    def _after(self, full: Tensor, kept: int) -> Tensor:
        """The last ``kept`` of the frames taken, in memory of their own."""
        if self._taken is None:
            return full[:, self._width :].clone()
        places = self._taken[:, None] + torch.arange(kept, device=full.device)  # [B, kept]
        return full.gather(1, places[..., None].expand(-1, -1, full.shape[2]))


class FrameConv(nn.Conv1d):
    """A convolution of stride 1, neither dilated nor grouped, whose padding a context takes the place of.

    As a product over unfolded frames: its sums do not depend on T, as those of a library's convolution do, so a stream
    is the whole nearly to the last bit, and to the bit by the compiled kernels. (Phases turn rounding of 1e-6 in a mel
    into 1e-4 in a sample.)
    """

    _native: PackedWindows | None = None

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, T]`` -> ``[B, N, T]``: a whole."""
        if self._native is None:
            return super().forward(x)
        return self.run(x.transpose(1, 2), WholeContext()).transpose(1, 2)

    def run(self, x: Tensor, context: FrameContext) -> Tensor:
        """``[B, T, C]`` -> ``[B, T, N]``."""
        width = self.kernel_size[0]
        around = context.extend(x, width // 2, width // 2) if width > 1 else x
        if self._native is not None:
            return self._native(around)
        return F.linear(around.unfold(1, width, 1).flatten(2), self.weight.flatten(1), self.bias)  # [B, T, C * width]

    def fuse(self) -> None:
        """Compute in the compiled kernels where they are quick, and leave the own matrix empty; for inference."""
        self._native = _packed(self.weight, self.bias)
        if self._native is not None:
            empty(self)


class FrameLinear(nn.Linear):
    """A linear layer over frames."""

    _native: PackedWindows | None = None

    def forward(self, x: Tensor) -> Tensor:
        """``[B, T, C]`` -> ``[B, T, N]``."""
        return super().forward(x) if self._native is None else self._native(x)

    def fuse(self) -> None:
        """Compute in the compiled kernels where they are quick, and leave the own matrix empty; for inference."""
        self._native = _packed(self.weight[..., None], self.bias)
        if self._native is not None:
            empty(self)


def empty(layer: nn.Conv1d | nn.Linear) -> None:
    """Let go of a matrix that is held elsewhere."""
    layer.weight = nn.Parameter(layer.weight.new_empty(0), requires_grad=False)


def _packed(weight: Tensor, bias: Tensor | None) -> PackedWindows | None:
    native = kernels()
    fit = weight.device.type == "cpu" and weight.dtype == torch.float32
    return PackedWindows(native, weight, bias) if native is not None and fit and is_quick(native, "float32") else None
