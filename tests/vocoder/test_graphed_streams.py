import pytest
import torch
from fakes.graph_backend import FakeGraphs
from torch import Tensor

from vivace.vocoder.graphed import ROWS, WIDTHS, GraphedStreams
from vivace.vocoder.streams import ConvNetwork, StreamInput, StreamState
from vivace.vocoder.vocos import Vocos

MELS = 6


@pytest.fixture
def vocos() -> Vocos:
    torch.manual_seed(0)
    made = Vocos(input_channels=MELS, dim=12, intermediate_dim=16, num_layers=2, n_fft=32, hop=8)
    made.requires_grad_(False)
    return made


def network(vocos: Vocos) -> ConvNetwork:
    return ConvNetwork(
        lambda mel, context: vocos.run(mel.transpose(1, 2), context), vocos.receptive_field, tail_samples=1
    )


def spoken(streams: GraphedStreams, inputs: list[Tensor], steps: list[int]) -> list[Tensor]:
    """Streams that begin one after another, each pushed by its own step."""
    states, done = [StreamState() for _ in inputs], [0] * len(inputs)
    parts: list[list[Tensor]] = [[] for _ in inputs]
    turn = 0
    while not all(state.finished for state in states):
        rows = [row for row, state in enumerate(states) if not state.finished and row <= turn]
        pushes = []
        for row in rows:
            part = inputs[row][:, done[row] : done[row] + steps[row]]
            done[row] += part.shape[1]
            pushes.append(StreamInput(states[row], part, last=done[row] == inputs[row].shape[1]))
        for row, blocks in zip(rows, streams.push(pushes), strict=True):
            parts[row].append(blocks.flatten())
        turn += 1
    return [torch.cat(part) for part in parts]


@pytest.mark.parametrize("lookahead", [None, 4])
def test_replayed_pushes_are_those_of_the_network(vocos: Vocos, lookahead: int | None) -> None:
    inputs = [torch.randn(MELS, frames) for frames in (150, 40, 99)]
    steps = [24, 7, 50]
    backend = FakeGraphs()
    streams = GraphedStreams(network(vocos), lookahead, device=torch.device("cpu"), backend=backend)
    plain = GraphedStreams(network(vocos), lookahead, device=torch.device("cpu"), enabled=False)
    for _ in range(2):
        for got, want in zip(spoken(streams, inputs, steps), spoken(plain, inputs, steps), strict=True):
            torch.testing.assert_close(got, want, atol=1e-5, rtol=0)
    assert streams.graph.replays > 10
    assert backend.recorded <= len(ROWS) * len(WIDTHS)
    if lookahead is None:
        for got, mel in zip(spoken(streams, inputs, steps), inputs, strict=True):
            torch.testing.assert_close(got, vocos(mel[None])[0], atol=1e-5, rtol=0)


def test_where_recording_fails_streams_go_on(vocos: Vocos) -> None:
    inputs = [torch.randn(MELS, 150)]
    streams = GraphedStreams(network(vocos), device=torch.device("cpu"), backend=FakeGraphs(fails=True))
    torch.testing.assert_close(spoken(streams, inputs, [24])[0], vocos(inputs[0][None])[0], atol=1e-5, rtol=0)
    assert streams.graph.why_not is not None
