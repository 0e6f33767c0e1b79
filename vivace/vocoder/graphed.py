"""Vocoders and streams by replay of graphs: inputs of a few fixed shapes, smaller ones padded."""

# B batch, C channels, T frames, R rows (windows of all rows of a batch), N samples

import warnings
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vivace.layers.conv_context import StreamContext
from vivace.runtime.graph import GraphBackend, GraphedCall, Tensors, bucket_of
from vivace.vocoder import CHUNK_FRAMES
from vivace.vocoder.base import Vocoder
from vivace.vocoder.chunked import ChunkedVocoder
from vivace.vocoder.streams import ConvNetwork, ConvStreams, StreamInput, WindowStreams

ROWS = (1, 2, 4, 8, 16)  # rows of a replay; what falls between is filled up with rows of zeros
SHORTER = 4  # windows are this often halved, so that short speech is replayed, too


class GraphedVocoder:
    """A ``Vocoder`` made of another one, equal to it to 1e-5 in float32.

    Long runs, batches and streams share the recordings: one for each pair of window length and number of rows. What is
    shorter than the shortest window runs as it is.

    Args:
        chunk_size: frames of the longest windows, context not counted; shorter ones are halves of it.
        enabled: the off switch; the vocoder then runs as it is, whole.
        memory_bytes: what windows that are replayed together may take.
    """

    def __init__(
        self,
        vocoder: Vocoder,
        *,
        chunk_size: int = CHUNK_FRAMES,
        enabled: bool = True,
        memory_bytes: int | None = 1 << 30,
        backend: GraphBackend | None = None,
    ) -> None:
        self._vocoder = vocoder
        self.sample_rate, self.hop, self.tail_samples = vocoder.sample_rate, vocoder.hop, vocoder.tail_samples
        self.receptive_field, self.workspace = vocoder.receptive_field, vocoder.workspace
        self.graph = GraphedCall(
            lambda frames: (vocoder(frames),),
            type(vocoder).__name__,
            _device_of(vocoder),
            enabled=enabled,
            backend=backend,
        )
        sizes = sorted({max(1, chunk_size >> i) for i in range(SHORTER)}, reverse=True)
        self._chunked = [
            ChunkedVocoder(vocoder, size, memory_bytes=memory_bytes, run=self.rows, equal=True) for size in sizes
        ]

    def __call__(self, frames: Tensor) -> Tensor:
        """``[B, C, T]`` -> ``[B, T * hop - tail_samples]``."""
        if self.graph.why_not is None:
            for chunked in self._chunked:
                if frames.shape[2] >= chunked.chunk_size + 2 * chunked.context:
                    return chunked(frames)
        return self._vocoder(frames)

    def rows(self, frames: Tensor) -> Tensor:
        """One replay: ``[R, C, T]`` -> ``[R, N]``, R filled up to one of ``ROWS``."""
        rows = len(frames)
        if self.graph.why_not is not None or (bucket := bucket_of(rows, ROWS)) is None:
            return self._vocoder(frames)
        return self.graph(F.pad(frames, (0, 0, 0, 0, 0, bucket - rows)))[0][:rows]

    def streams(self, step: int = CHUNK_FRAMES // 8) -> WindowStreams:
        """Streams whose windows are replayed together; ``step`` frames at a time, so that their windows are alike."""
        return WindowStreams(self, step=step, run=self.rows)


class _CUDAGraphVocoder(GraphedVocoder):
    """``GraphedVocoder`` under the names of release 0.1."""

    def __init__(self, vocoder: Vocoder, *, use_vocoder_optimization: bool = True, **options: Any) -> None:
        super().__init__(vocoder, enabled=use_vocoder_optimization, **options)


def __getattr__(name: str) -> Any:
    if name != "CUDAGraphVocoder":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn("CUDAGraphVocoder is now GraphedVocoder", DeprecationWarning, stacklevel=2)
    return _CUDAGraphVocoder


def _device_of(vocoder: Vocoder) -> torch.device:
    assert isinstance(vocoder, nn.Module)
    return next(vocoder.parameters()).device


WIDTHS = (32, 64, 128, 192, 256, 512)  # frames of the context in one push; a longer one runs as it is


class GraphedStreams(ConvStreams):
    """``ConvStreams`` by replay. What fills up a push is after the end of a stream, or a stream of no frames.

    Args:
        device: that of the network.
        enabled: the off switch.
        backend: what records; None: the device's graphs.
    """

    def __init__(
        self,
        network: ConvNetwork,
        lookahead: int | None = None,
        *,
        device: torch.device,
        enabled: bool = True,
        backend: GraphBackend | None = None,
    ) -> None:
        super().__init__(network, lookahead)
        self.graph = GraphedCall(self._advance, "streams", device, enabled=enabled, backend=backend)
        self._kept: list[torch.Size] = []  # per convolution [kept, C]; known from the first push on

    def _run(self, pushes: Sequence[StreamInput], taken: Sequence[int], width: int) -> tuple[Tensor, list[Tensor]]:
        rows, frames = bucket_of(len(pushes), ROWS), bucket_of(width, WIDTHS)
        if self.graph.why_not is not None or not self._kept or rows is None or frames is None:
            made, past = super()._run(pushes, taken, width)
            self._kept = [layer.shape[1:] for layer in past]
            return made, past
        device, more = pushes[0].frames.device, rows - len(pushes)
        nothing = [torch.zeros(shape, device=device) for shape in self._kept]
        pasts = [push.stream.past or nothing for push in pushes] + [nothing] * more
        given = [F.pad(push.frames, (0, frames // self.network.rate - push.frames.shape[1])) for push in pushes]
        made, *past = self.graph(
            torch.stack(given + [torch.zeros_like(given[0])] * more),
            torch.tensor([push.stream.before for push in pushes] + [0] * more, device=device),
            torch.tensor([*taken, *[0] * more], device=device),
            *(torch.stack(layers) for layers in zip(*pasts, strict=True)),
        )
        return made, past

    def _advance(self, frames: Tensor, before: Tensor, taken: Tensor, *past: Tensor) -> Tensors:
        """Rows ``[B, C, T]``, where their streams are, how many frames are theirs, and their pasts."""
        width = frames.shape[2] * self.network.rate
        context = StreamContext(past, before, taken, width=width, span=2 * self.network.receptive_field)
        made = self.network.run(frames, context)
        return (made, *context.past)
