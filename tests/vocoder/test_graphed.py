import pytest
import torch
from fakes.graph_backend import FakeGraphs
from torch import Tensor

from vivace.layers.hifigan import HiFiGANConfig
from vivace.vocoder.bigvgan import BigVGAN, BigVGANConfig
from vivace.vocoder.graphed import ROWS, GraphedVocoder
from vivace.vocoder.hifigan import HiFiGAN
from vivace.vocoder.streams import StreamInput, StreamState
from vivace.vocoder.vocos import Vocos

MELS = 6


def made(name: str) -> Vocos | HiFiGAN | BigVGAN:
    if name == "hifigan":
        return HiFiGAN(HiFiGANConfig(MELS, 8, (4, 2), (8, 4)))
    if name == "bigvgan":
        return BigVGAN(BigVGANConfig(MELS, 8, (2, 2), (4, 4)))
    return Vocos(input_channels=MELS, dim=12, intermediate_dim=16, num_layers=2, n_fft=32, hop=8)


@pytest.fixture(params=["vocos", "hifigan", "bigvgan"])
def vocoder(request: pytest.FixtureRequest) -> Vocos | HiFiGAN | BigVGAN:
    torch.manual_seed(0)
    found = made(request.param)
    found.requires_grad_(False)
    return found


@pytest.mark.parametrize(("batch", "frames"), [(1, 5), (1, 700), (3, 333), (2, 240)])
def test_replayed_windows_are_the_whole(vocoder: Vocos | HiFiGAN | BigVGAN, batch: int, frames: int) -> None:
    graphed = GraphedVocoder(vocoder, chunk_size=120, backend=FakeGraphs())
    mel = torch.randn(batch, MELS, frames)
    for _ in range(2):
        torch.testing.assert_close(graphed(mel), vocoder(mel), atol=1e-5, rtol=0)
    assert (graphed.graph.replays > 0) == (frames > 15 + 2 * vocoder.receptive_field)


def test_mixed_lengths_share_few_recordings(vocoder: Vocos | HiFiGAN | BigVGAN) -> None:
    backend = FakeGraphs()
    graphed = GraphedVocoder(vocoder, chunk_size=120, backend=backend, memory_bytes=1 << 40)
    for frames in range(130, 1000, 67):
        mel = torch.randn(1, MELS, frames)
        torch.testing.assert_close(graphed(mel), vocoder(mel), atol=1e-5, rtol=0)
    assert backend.recorded <= 4 * len(ROWS)
    assert {shape[0][0] for shape in graphed.graph.shapes} <= set(ROWS)


def test_streams_share_replays(vocoder: Vocos | HiFiGAN | BigVGAN) -> None:
    backend = FakeGraphs()
    graphed = GraphedVocoder(vocoder, chunk_size=120, backend=backend)
    streams, rows = graphed.streams(step=20), torch.randn(3, MELS, 200)
    states = [StreamState() for _ in rows]
    parts: list[list[Tensor]] = [[] for _ in rows]
    for i, piece in enumerate(torch.split(rows, 20, dim=2)):
        pushes = [StreamInput(state, row, last=i == 9) for state, row in zip(states, piece, strict=True)]
        for said, blocks in zip(parts, streams.push(pushes), strict=True):
            said.append(blocks.flatten())
    assert graphed.graph.replays <= 10  # three streams a push
    joined = torch.stack([torch.cat(said) for said in parts])
    torch.testing.assert_close(joined, vocoder(rows), atol=1e-5, rtol=0)


def test_switched_off_or_failing_it_is_the_vocoder_itself(vocoder: Vocos | HiFiGAN | BigVGAN) -> None:
    mel = torch.randn(1, MELS, 400)
    for graphed in (
        GraphedVocoder(vocoder, enabled=False, backend=FakeGraphs()),
        GraphedVocoder(vocoder, chunk_size=120, backend=FakeGraphs(fails=True)),
        GraphedVocoder(vocoder),
    ):
        torch.testing.assert_close(graphed(mel), vocoder(mel), atol=1e-5, rtol=0)
        assert graphed.graph.why_not is not None
        assert torch.equal(graphed(mel), vocoder(mel))


def test_the_old_names_work_for_one_release(vocoder: Vocos | HiFiGAN | BigVGAN) -> None:
    with pytest.warns(DeprecationWarning, match="GraphedVocoder"):
        from vivace.vocoder.graphed import CUDAGraphVocoder
    former = CUDAGraphVocoder(vocoder, use_vocoder_optimization=False, backend=FakeGraphs())
    assert isinstance(former, GraphedVocoder)
    assert former.graph.why_not is not None
