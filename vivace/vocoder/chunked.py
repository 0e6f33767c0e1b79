"""Long runs in windows: each chunk of frames with all the context that it depends on, so that the whole is exact."""

# B batch, C channels, T frames, N samples

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from vivace.vocoder import CHUNK_FRAMES
from vivace.vocoder.base import Vocoder

FLOAT_BYTES = 4


@dataclass(frozen=True)
class Span:
    """A window of frames, and those of them whose outputs it is run for; half-open."""

    start: int
    stop: int
    first: int
    last: int


def spans(frames: int, size: int, context: int, *, equal: bool = False) -> list[Span]:
    """Windows over ``frames`` in chunks of ``size``, with ``context`` frames on both sides where there are so many.

    A window that begins or ends with the whole has the whole's own padding there.

    Args:
        equal: all windows of one length: those at the ends have context beyond what they need.
    """
    width = size + 2 * context
    if equal and frames <= width:
        return [Span(0, frames, 0, frames)]
    found = []
    for first in range(0, frames, size):
        last = min(first + size, frames)
        start, stop = max(0, first - context), min(frames, last + context)
        if equal:
            start = min(start, frames - width)
            stop = start + width
        found.append(Span(start, stop, first, last))
    return found


class Chunked:
    """Runs a network that is local in time over windows.

    Args:
        run: ``[B, C, T]`` -> ``[B, ..., T * hop - tail_samples]``; rows are independent.
        context: frames on each side that the outputs of a frame depend on.
        workspace: float32 numbers in memory at once per frame.
        memory_bytes: what windows that are run as one batch may take together; None: one after another.
        equal: all windows of one length, also where they run one after another.
    """

    def __init__(
        self,
        run: Callable[[Tensor], Tensor],
        *,
        hop: int,
        context: int,
        tail_samples: int = 0,
        chunk_size: int = CHUNK_FRAMES,
        workspace: int = 0,
        memory_bytes: int | None = None,
        equal: bool = False,
    ) -> None:
        self._equal = equal
        self.run, self.hop, self.context, self.tail_samples = run, hop, context, tail_samples
        self.chunk_size, self._workspace, self._memory_bytes = chunk_size, workspace, memory_bytes

    def __call__(self, frames: Tensor) -> Tensor:
        """``[B, C, T]`` -> ``[B, ..., T * hop - tail_samples]``: equal to the whole run."""
        total = frames.shape[2]
        joined: Tensor | None = None
        for span, part in self._parts(frames):
            if joined is None:
                joined = part.new_empty(*part.shape[:-1], total * self.hop - self.tail_samples)
            joined[..., span.first * self.hop : span.first * self.hop + part.shape[-1]] = part
        return self.run(frames) if joined is None else joined

    def chunks(self, frames: Tensor) -> Iterator[Tensor]:
        """The outputs chunk by chunk, ``[B, ..., n]``: memory does not grow with T."""
        return (part for _, part in self._parts(frames))

    def windows_at_once(self, batch: int) -> int:
        """How many windows of ``batch`` rows fit into the memory that is allowed."""
        if self._memory_bytes is None:
            return 1
        row = FLOAT_BYTES * self._workspace * (self.chunk_size + 2 * self.context)
        return max(1, self._memory_bytes // max(1, row * batch))

    def _parts(self, frames: Tensor) -> Iterator[tuple[Span, Tensor]]:
        batch, _, total = frames.shape
        at_once = self.windows_at_once(batch)
        found = spans(total, self.chunk_size, self.context, equal=self._equal or at_once > 1)
        for group in (found[i : i + at_once] for i in range(0, len(found), at_once)):
            made = self.run(torch.cat([frames[..., span.start : span.stop] for span in group]))
            for span, rows in zip(group, torch.split(made, batch), strict=True):
                first, last = ((edge - span.start) * self.hop for edge in (span.first, span.last))
                yield span, rows[..., first : min(last, rows.shape[-1])]


class ChunkedVocoder(Chunked):
    """A ``Vocoder`` made of another one, for frames of any length; equal to it to 1e-5 in float32.

    Args:
        chunk_size: frames per window, ``vocoder_chunk_size``.
        memory_bytes, equal: see ``Chunked``.
        run: how a window is run: the vocoder itself, or a replay of it.
    """

    def __init__(
        self,
        vocoder: Vocoder,
        chunk_size: int = CHUNK_FRAMES,
        *,
        memory_bytes: int | None = None,
        run: Callable[[Tensor], Tensor] | None = None,
        equal: bool = False,
    ) -> None:
        super().__init__(
            run or vocoder,
            hop=vocoder.hop,
            context=vocoder.receptive_field,
            tail_samples=vocoder.tail_samples,
            chunk_size=chunk_size,
            workspace=vocoder.workspace,
            memory_bytes=memory_bytes,
            equal=equal,
        )
        self.sample_rate, self.receptive_field = vocoder.sample_rate, vocoder.receptive_field
        self.workspace = vocoder.workspace
