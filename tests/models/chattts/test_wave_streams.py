import pytest
import torch
from torch import Tensor

from vivace.errors import EngineError
from vivace.models.chattts.checkpoint.config import StackConfig
from vivace.models.chattts.dvae import SpectrogramDecoder
from vivace.models.chattts.frame_stage import WaveStreams, gate_pauses
from vivace.vocoder.streams import StreamInput
from vivace.vocoder.vocos import Vocos

FLOOR, GATE = -0.5, 0.3
WIDTH = 16


def parts() -> tuple[SpectrogramDecoder, Vocos]:
    torch.manual_seed(0)
    decoder = SpectrogramDecoder(StackConfig(idim=8, odim=12, hidden=16, n_layer=3, bn_dim=8), n_mels=10)
    vocos = Vocos(input_channels=10, dim=16, intermediate_dim=24, num_layers=2)
    return decoder.requires_grad_(False), vocos.requires_grad_(False)


def whole(decoder: SpectrogramDecoder, vocos: Vocos, hidden: Tensor) -> Tensor:
    samples: Tensor = vocos(gate_pauses(decoder(hidden[None]).mT, FLOOR, GATE).mT)[0]
    return samples


def streams(lookahead: int | None = None) -> tuple[WaveStreams, SpectrogramDecoder, Vocos]:
    decoder, vocos = parts()
    return WaveStreams(decoder, vocos, mel_floor=FLOOR, mel_gate=GATE, lookahead=lookahead), decoder, vocos


@pytest.mark.parametrize("sizes", [[1], [7], [1] * 40, [24, 24, 24, 5], [3, 0, 60, 1], [200]])
def test_a_stream_is_the_whole(sizes: list[int]) -> None:
    made, decoder, vocos = streams()
    hidden = torch.randn(WIDTH, sum(sizes))
    stream = made.open()
    parts = [stream.push(part) for part in torch.split(hidden, sizes, dim=1)] + [stream.finish()]
    torch.testing.assert_close(torch.cat(parts), whole(decoder, vocos, hidden), atol=1e-5, rtol=0)


def test_samples_come_as_soon_as_they_are_final() -> None:
    made, _, vocos = streams()
    stream = made.open()
    assert stream.push(torch.randn(WIDTH, made.exact_lookahead)).numel() < 2 * vocos.hop
    assert stream.push(torch.randn(WIDTH, 5)).numel() == 10 * vocos.hop


def test_streams_of_any_age_share_a_batch() -> None:
    made, decoder, vocos = streams()
    inputs = [torch.randn(WIDTH, frames) for frames in (70, 9, 33, 90)]
    opened = [made.open() for _ in inputs]
    said: list[list[Tensor]] = [[] for _ in inputs]
    generator = torch.Generator().manual_seed(3)
    done = [0] * len(inputs)
    while any(not stream.state.finished for stream in opened):
        pushes, rows = [], []
        for row, stream in enumerate(opened):
            if stream.state.finished:
                continue
            n = int(torch.randint(0, 20, (1,), generator=generator))
            part = inputs[row][:, done[row] : done[row] + n]
            done[row] += n
            pushes.append(StreamInput(stream.state, part, last=done[row] >= inputs[row].shape[1]))
            rows.append(row)
        for row, samples in zip(rows, made.push(pushes), strict=True):
            said[row].append(samples)
    for hidden, parts in zip(inputs, said, strict=True):
        torch.testing.assert_close(torch.cat(parts), whole(decoder, vocos, hidden), atol=1e-5, rtol=0)


@pytest.mark.parametrize("lookahead", [0, 2, 4])
def test_with_less_lookahead_samples_come_sooner_and_the_length_stays(lookahead: int) -> None:
    made, decoder, vocos = streams(lookahead)
    hidden = torch.randn(WIDTH, 90)
    stream = made.open()
    first = stream.push(hidden[:, :24])
    assert first.numel() == min(2 * (24 - lookahead), 47) * vocos.hop
    parts = [first, *(stream.push(part) for part in torch.split(hidden[:, 24:], 11, dim=1)), stream.finish()]
    want = whole(decoder, vocos, hidden)
    assert torch.cat(parts).shape == want.shape
    # The first samples are those of a speech that ends after 24 frames.
    torch.testing.assert_close(first, whole(decoder, vocos, hidden[:, :24])[: len(first)], atol=1e-5, rtol=0)
    # What is given after the end is known is exact again.
    assert len(parts[-1]) == 2 * lookahead * vocos.hop - (vocos.hop if lookahead else 0)
    torch.testing.assert_close(parts[-1], want[len(want) - len(parts[-1]) :], atol=1e-5, rtol=0)


def test_enough_lookahead_is_exact() -> None:
    made, decoder, vocos = streams(0)
    made, decoder, vocos = streams(made.exact_lookahead)
    hidden = torch.randn(WIDTH, 60)
    stream = made.open()
    parts = [*(stream.push(part) for part in torch.split(hidden, 13, dim=1)), stream.finish()]
    torch.testing.assert_close(torch.cat(parts), whole(decoder, vocos, hidden), atol=1e-5, rtol=0)


def test_a_finished_stream_takes_no_more() -> None:
    made, *_ = streams()
    stream = made.open()
    stream.push(torch.randn(WIDTH, 3))
    stream.finish()
    with pytest.raises(EngineError, match="open another"):
        stream.push(torch.randn(WIDTH, 3))
