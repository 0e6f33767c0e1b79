"""What ``vivace bench vocoder`` runs: the published sizes with seeded random weights, in all their forms."""

# C channels, T frames

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from vivace.layers.convnext import cast_mlps
from vivace.models.chattts.checkpoint.config import StackConfig
from vivace.models.chattts.decoder import SpectrogramDecoder
from vivace.vocoder.bigvgan import BigVGAN
from vivace.vocoder.chunked import Chunked, ChunkedVocoder
from vivace.vocoder.graphed import CUDAGraphVocoder
from vivace.vocoder.hifigan import HiFiGAN
from vivace.vocoder.streams import ConvStreams, Network, Push, Streams, StreamState
from vivace.vocoder.vocos import Vocos

Name = Literal["vocos", "decoder", "hifigan", "bigvgan"]
Form = Literal["whole", "chunked", "batched", "streamed", "graphed"]
Precision = Literal["float32", "bfloat16"]
Outputs = Callable[[Tensor], Iterator[Tensor]]  # frames [1, C, T] -> what is made of them, part by part

BATCHED_BYTES = 2 << 30  # that the windows of the batched form may take together
PUBLISHED_DECODER = StackConfig(idim=384, odim=384, hidden=512)  # of ChatTTS: hidden states to mel
CODES_PER_SECOND = 24_000 / 512


@dataclass(frozen=True, eq=False)
class Subject:
    """A network in its forms."""

    channels: int
    frames_per_second: float
    forms: Mapping[Form, Outputs]
    parameters: int


def build(name: Name, precision: Precision, chunk_size: int, device: torch.device) -> Subject:
    """The published size with random weights."""
    torch.manual_seed(0)
    if name == "decoder":
        return _decoder(precision, chunk_size, device)
    vocoder = _vocoder(name).to(device).eval().requires_grad_(False)
    if precision == "bfloat16":
        cast_mlps(vocoder, torch.bfloat16)
    forms: dict[Form, Outputs] = {
        "whole": _at_once(vocoder),
        "chunked": ChunkedVocoder(vocoder, chunk_size).chunks,
        "batched": ChunkedVocoder(vocoder, chunk_size, memory_bytes=BATCHED_BYTES).chunks,
        "streamed": _streamed(vocoder.streams(), chunk_size, torch.flatten),
    }
    graphed = CUDAGraphVocoder(vocoder, chunk_size=chunk_size)
    if graphed.graph.why_not is None:
        forms["graphed"] = ChunkedVocoder(vocoder, chunk_size, run=graphed.rows, equal=True).chunks
    rate = vocoder.sample_rate / vocoder.hop
    return Subject(100, rate, forms, sum(p.numel() for p in vocoder.parameters()))


def _vocoder(name: Name) -> Vocos | HiFiGAN | BigVGAN:
    if name == "hifigan":
        return HiFiGAN()
    return BigVGAN() if name == "bigvgan" else Vocos()


def _decoder(precision: Precision, chunk_size: int, device: torch.device) -> Subject:
    decoder = SpectrogramDecoder(PUBLISHED_DECODER).to(device).eval().requires_grad_(False)
    if precision == "bfloat16":
        cast_mlps(decoder, torch.bfloat16)
    rate = decoder.frames_per_code
    context = -(-decoder.receptive_field // rate)

    def chunked(memory_bytes: int | None) -> Chunked:
        workspace = rate * 9 * PUBLISHED_DECODER.hidden
        size = chunk_size // rate  # as many mel frames as a vocoder's window
        return Chunked(
            decoder, hop=rate, context=context, chunk_size=size, workspace=workspace, memory_bytes=memory_bytes
        )

    streams = ConvStreams(Network(decoder.run, decoder.receptive_field, rate=rate))
    forms: dict[Form, Outputs] = {
        "whole": _at_once(decoder),
        "chunked": chunked(None).chunks,
        "batched": chunked(BATCHED_BYTES).chunks,
        "streamed": _streamed(streams, chunk_size // rate, torch.t),
    }
    return Subject(decoder.width, CODES_PER_SECOND, forms, sum(p.numel() for p in decoder.parameters()))


def _at_once(network: Callable[[Tensor], Tensor]) -> Outputs:
    return lambda frames: (network(part) for part in (frames,))


def _streamed(streams: Streams, size: int, shape: Callable[[Tensor], Tensor]) -> Outputs:
    """``shape`` makes outputs, as a whole run has them, of a stream's ``[n, W]``."""

    def run(frames: Tensor) -> Iterator[Tensor]:
        state = StreamState()
        parts = torch.split(frames[0], size, dim=1)
        for i, part in enumerate(parts):
            yield shape(streams.push([Push(state, part, last=i + 1 == len(parts))])[0])[None]

    return run
