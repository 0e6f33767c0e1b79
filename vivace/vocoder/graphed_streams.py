"""Streams whose pushes are replayed: one graph for each pair of how many streams and how many frames, filled up."""

# B batch (streams), C channels, T frames

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from vivace.layers.frame_context import StreamContext
from vivace.runtime.graph import GraphBackend, GraphedCall, Tensors, bucket_of
from vivace.vocoder.graphed import ROWS
from vivace.vocoder.streams import ConvStreams, Network, Push

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
        network: Network,
        lookahead: int | None = None,
        *,
        device: torch.device,
        enabled: bool = True,
        backend: GraphBackend | None = None,
    ) -> None:
        super().__init__(network, lookahead)
        self.graph = GraphedCall(self._advance, "streams", device, enabled=enabled, backend=backend)
        self._kept: list[torch.Size] = []  # per convolution [kept, C]; known from the first push on

    def _run(self, pushes: Sequence[Push], taken: Sequence[int], width: int) -> tuple[Tensor, list[Tensor]]:
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
        context = StreamContext(past, before, taken, width=width, span=2 * self.network.reach)
        made = self.network.run(frames, context)
        return (made, *context.past)
