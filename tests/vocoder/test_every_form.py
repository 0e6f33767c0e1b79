"""Chunked, streamed and whole are the same, for any length, chunk, batch and way of pushing."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from vivace.layers.hifigan import HiFiGANConfig
from vivace.models.chattts.checkpoint.config import DVAEConfig, QuantizerConfig, StackConfig
from vivace.models.chattts.dvae import DVAE, SpectrogramDecoder
from vivace.vocoder.base import Vocoder
from vivace.vocoder.bigvgan import BigVGAN, BigVGANConfig
from vivace.vocoder.chunked import Chunked, ChunkedVocoder, spans
from vivace.vocoder.hifigan import HiFiGAN
from vivace.vocoder.streams import ConvNetwork, ConvStreams, StreamInput, Streams, StreamState
from vivace.vocoder.vocos import Vocos

MELS = 6
SHORT = (3,)  # kernels of residual blocks: in longer ones the far end of what they see weighs too little to be noticed
EXAMPLES = 8  # per network; each is a run of up to 3,000 frames, three times


@dataclass(frozen=True)
class Subject:
    """A network in all its forms."""

    whole: Callable[[Tensor], Tensor]  # [B, C, T] -> [B, ..., N]
    chunked: Callable[[int, int | None], Chunked]  # chunk size, memory
    streams: Streams
    given: Callable[[int, int], Tensor]  # batch, frames


def vocoder_subject(vocoder: Vocoder) -> Subject:
    def chunked(size: int, memory: int | None) -> Chunked:
        return ChunkedVocoder(vocoder, size, memory_bytes=memory)

    return Subject(vocoder, chunked, vocoder.streams(), lambda batch, frames: torch.randn(batch, MELS, frames))


def decoder_subject(decoder: SpectrogramDecoder | DVAE, draw: Callable[[int, int], Tensor]) -> Subject:
    def chunked(size: int, memory: int | None) -> Chunked:
        context = -(-decoder.receptive_field // decoder.frames_per_code)
        return Chunked(
            decoder, hop=decoder.frames_per_code, context=context, chunk_size=size, workspace=64, memory_bytes=memory
        )

    network = ConvNetwork(decoder.run, decoder.receptive_field, rate=decoder.frames_per_code)
    return Subject(decoder, chunked, ConvStreams(network), draw)


def subjects() -> dict[str, Subject]:
    torch.manual_seed(0)
    stack = StackConfig(idim=8, odim=8, hidden=12, n_layer=2, bn_dim=6)
    dvae = DVAE(DVAEConfig(encoder=stack, decoder=stack, vq=QuantizerConfig(dim=16)), n_mels=MELS)
    vocos = Vocos(input_channels=MELS, dim=12, intermediate_dim=16, num_layers=2, n_fft=32, hop=8)
    hifigan = HiFiGAN(HiFiGANConfig(MELS, 8, (4, 2), (8, 4), SHORT, ((1,),)))
    bigvgan = BigVGAN(BigVGANConfig(MELS, 8, (2, 2), (4, 4), SHORT, ((1,),)))
    decoder = SpectrogramDecoder(stack, n_mels=MELS)
    for module in (vocos, hifigan, bigvgan, decoder, dvae):
        module.requires_grad_(False)
    found = {
        "vocos": vocoder_subject(vocos),
        "hifigan": vocoder_subject(hifigan),
        "bigvgan": vocoder_subject(bigvgan),
    }
    found["decoder"] = decoder_subject(decoder, lambda batch, frames: torch.randn(batch, 16, frames))
    found["dvae"] = decoder_subject(dvae, lambda batch, frames: torch.randint(0, 625, (batch, 4, frames)))
    return found


SUBJECTS = subjects()


def streamed(streams: Streams, frames: Tensor, sizes: list[int]) -> Tensor:
    """All rows pushed as one batch, in parts of ``sizes`` over and over."""
    states = [StreamState() for _ in frames]
    parts: list[list[Tensor]] = [[] for _ in frames]
    place, turn, total = 0, 0, frames.shape[2]
    while place < total:
        n = min(sizes[turn % len(sizes)], total - place)
        last = place + n == total
        pushes = [
            StreamInput(state, row[:, place : place + n], last) for state, row in zip(states, frames, strict=True)
        ]
        for row, output in zip(parts, streams.push(pushes), strict=True):
            row.append(output)
        place, turn = place + n, turn + 1
    return torch.stack([torch.cat(row) for row in parts])  # [B, n, W]


@pytest.mark.parametrize("name", list(SUBJECTS))
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    frames=st.integers(1, 3000),
    size=st.integers(16, 600),
    batch=st.integers(1, 4),
    memory=st.sampled_from([None, 1 << 20, 1 << 28]),
    sizes=st.lists(st.integers(1, 700), min_size=1, max_size=3),
)
def test_chunked_and_streamed_are_the_whole(
    name: str, frames: int, size: int, batch: int, memory: int | None, sizes: list[int]
) -> None:
    subject = SUBJECTS[name]
    x = subject.given(batch, frames)
    whole = subject.whole(x)
    torch.testing.assert_close(subject.chunked(size, memory)(x), whole, atol=1e-5, rtol=0)
    pushed = [max(n, frames // 20) for n in sizes]  # no more than some twenty pushes
    flow = streamed(subject.streams, x, pushed)
    got = flow.flatten(1) if whole.ndim == 2 else flow.transpose(1, 2)  # samples, or frames [B, C, T]
    torch.testing.assert_close(got, whole, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["vocos", "hifigan", "decoder"])
def test_with_one_frame_less_of_context_the_seams_are_noticed(name: str) -> None:
    subject = SUBJECTS[name]
    x = subject.given(1, 400)
    chunked = subject.chunked(60, None)
    chunked.context -= 1
    assert float((chunked(x) - subject.whole(x)).abs().max()) > 1e-5


@pytest.mark.parametrize("equal", [False, True])
@pytest.mark.parametrize(("frames", "size", "context"), [(1, 4, 2), (9, 4, 2), (100, 7, 3), (15, 7, 20), (21, 7, 0)])
def test_spans_cover_every_frame_once_with_its_context(frames: int, size: int, context: int, equal: bool) -> None:
    found = spans(frames, size, context, equal=equal)
    assert [frame for span in found for frame in range(span.first, span.last)] == list(range(frames))
    for span in found:
        assert 0 <= span.start <= max(0, span.first - context)
        assert min(frames, span.last + context) <= span.stop <= frames
    if equal:
        assert len({span.stop - span.start for span in found}) == 1


def test_the_memory_decides_how_many_windows_run_at_once() -> None:
    vocos = Vocos(input_channels=MELS, dim=12, intermediate_dim=16, num_layers=2, n_fft=32, hop=8).requires_grad_(False)
    rows: list[int] = []

    def run(frames: Tensor) -> Tensor:
        rows.append(len(frames))
        samples: Tensor = vocos(frames)
        return samples

    window = 4 * vocos.workspace * (50 + 2 * vocos.receptive_field)
    for memory, want in ((None, 1), (window, 1), (3 * window, 3), (1 << 40, 10)):
        rows.clear()
        ChunkedVocoder(vocos, 50, memory_bytes=memory, run=run)(torch.randn(1, MELS, 500))
        assert max(rows) == want


def test_chunks_come_one_by_one() -> None:
    vocos = Vocos(input_channels=MELS, dim=12, intermediate_dim=16, num_layers=2, n_fft=32, hop=8).requires_grad_(False)
    chunks = ChunkedVocoder(vocos, 50).chunks(torch.randn(2, MELS, 120))
    assert [tuple(chunk.shape) for chunk in chunks] == [(2, 400), (2, 400), (2, 152)]
