"""Streams within a piece: joined they are what the same schedule makes of the whole piece, for every version."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fakes.gpt_sovits import convert_recorded, load_recorded, recording
from fakes.gpt_sovits_offline import offline, prompt_of
from torch import Tensor

from vivace.engine.protocols import FramePart
from vivace.errors import TTSError
from vivace.layers.hifigan import HiFiGANConfig
from vivace.models.gpt_sovits.checkpoint.config import EncoderSizes, FlowSizes, S2Config, StyleSizes
from vivace.models.gpt_sovits.checkpoint.parts import load_gpt_sovits
from vivace.models.gpt_sovits.family import GPTSoVITSFamily
from vivace.models.gpt_sovits.frame_stage import GPTSoVITSFrameStage, GPTSoVITSFrameStream
from vivace.models.gpt_sovits.s2.decode import DecodeContext, VoiceConditioning
from vivace.models.gpt_sovits.s2.flow_matching import FlowTransformer, denormalized, solve
from vivace.models.gpt_sovits.s2.flow_matching_decoder import FlowMatchingDecoder
from vivace.models.gpt_sovits.s2.vits import VitsModel
from vivace.models.gpt_sovits.verify.s2 import sequential_windows
from vivace.runtime.seed import normal_frames

VERSIONS = ("v2", "v2Pro", "v3", "v4")


@pytest.fixture(autouse=True)
def inference() -> Iterator[None]:
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, GPTSoVITSFamily]:
    folder = tmp_path_factory.mktemp("gpt_sovits")
    return {version: GPTSoVITSFamily(load_recorded(version, folder), steps=2) for version in VERSIONS}


def saying(stages: GPTSoVITSFamily, number: int = 0) -> DecodeContext:
    voice = stages.encode_reference([recording(number)], "今天天气不错。")
    return DecodeContext(torch.arange(5, 25 + number), stages.conditioning(voice), seed=number, steps=2)


def some_codes(count: int, seed: int = 0) -> Tensor:
    return torch.randint(0, 1024, (count,), generator=torch.Generator().manual_seed(seed))


def streamed(frames: GPTSoVITSFrameStage, said: DecodeContext, codes: Tensor, sizes: list[int]) -> list[np.ndarray]:
    """What each push gives; the end is told by itself."""
    stream = frames.open(said)
    parts = [FramePart(stream, torch.zeros(n, 1), part[:, None], False) for n, part in pushes(codes, sizes)]
    parts.append(FramePart(stream, torch.zeros(0, 0), torch.zeros(0, 0).long(), True))
    return [heard(frames.decode([part])[0]) for part in parts]


def pushes(codes: Tensor, sizes: list[int]) -> Iterator[tuple[int, Tensor]]:
    while len(codes):
        size, sizes = sizes[0], sizes[1:] or sizes
        yield len(codes[:size]), codes[:size]
        codes = codes[size:]


def heard(made: np.ndarray | TTSError) -> np.ndarray:
    assert not isinstance(made, TTSError)
    return made


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("sizes", [[4, 5, 6, 8, 10, 12, 15], [1000]])
def test_a_stream_joined_is_the_whole_of_its_schedule(
    stages: dict[str, GPTSoVITSFamily], version: str, sizes: list[int]
) -> None:
    own = stages[version]
    said, codes, frames = saying(own), some_codes(160), own.frame_stage()
    parts = streamed(frames, said, codes, sizes)
    stream = frames.open(said)
    want = offline(own, said, codes, stream.piece.hidden.schedule)
    joined = np.concatenate(parts)
    assert len(joined) == len(want) > 0
    np.testing.assert_allclose(joined, want.numpy(), atol=1e-5)
    if len(parts) > 8:
        assert sum(1 for part in parts if len(part)) >= 3  # not all at the end


@pytest.mark.parametrize(("bins", "kernels"), [(1025, (16, 16, 8, 2, 2)), (704, (20, 16, 8, 2, 2))])
def test_decoders_of_v1_and_v2proplus_stream_as_well(
    stages: dict[str, GPTSoVITSFamily], bins: int, kernels: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    encoder = EncoderSizes(40, 40, 16, 2, 24, 3, 1, 1, 1, 12, 16, 4)
    decoder = HiFiGANConfig(8, 32, (10, 8, 2, 2, 2), kernels, post_bias=False, condition=12)
    s2 = VitsModel(S2Config(1024, encoder, StyleSizes(bins, 16, 12), FlowSizes(8, 4, 4, 5), decoder)).eval()
    for parameter in s2.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
    own = GPTSoVITSFamily(replace(stages["v2"].parts, s2=s2))
    frames, codes = own.frame_stage(), some_codes(110)
    said = DecodeContext(torch.arange(12), VoiceConditioning(torch.randn(1, 12, 1)), 1)
    want = offline(own, said, codes, frames.open(said).piece.hidden.schedule)
    assert float(want.std()) > 1e-3
    np.testing.assert_allclose(np.concatenate(streamed(frames, said, codes, [4, 7, 11])), want.numpy(), atol=1e-5)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_first_sound_comes_once_the_schedule_allows_it(stages: dict[str, GPTSoVITSFamily], version: str) -> None:
    own = stages[version]
    frames, said, codes = own.frame_stage(), saying(own), some_codes(100)
    stream: GPTSoVITSFrameStream = frames.open(said)
    before = stream.piece.hidden.schedule.before_first
    assert before < 50  # two seconds
    parts = [len(part) for part in streamed(frames, said, codes, [1])]
    assert parts[: before - 1] == [0] * (before - 1)
    assert parts[before - 1] > 0.15 * own.sample_rate


@pytest.mark.parametrize("version", VERSIONS)
def test_streams_side_by_side_are_those_alone(stages: dict[str, GPTSoVITSFamily], version: str) -> None:
    own = stages[version]
    frames = own.frame_stage()
    if isinstance(frames._sound, FlowMatchingDecoder):
        frames._sound._together = True  # as where batches pay
    said = [saying(own, number) for number in range(3)]
    codes = [some_codes(70 + 30 * number, number) for number in range(3)]
    alone = [np.concatenate(streamed(frames, s, c, [25])) for s, c in zip(said, codes, strict=True)]
    streams = [frames.open(s) for s in said]
    parts: list[list[np.ndarray]] = [[] for _ in said]
    for start in range(0, 150, 25):
        rows = [row for row in range(3) if start < len(codes[row])]
        new = [codes[row][start : start + 25, None] for row in rows]
        made = frames.decode(
            [
                FramePart(streams[row], torch.zeros(len(part), 1), part, start + 25 >= len(codes[row]))
                for row, part in zip(rows, new, strict=True)
            ]
        )
        for row, samples in zip(rows, made, strict=True):
            parts[row].append(heard(samples))
    for row in range(3):
        np.testing.assert_allclose(np.concatenate(parts[row]), alone[row], atol=1e-5)


@pytest.mark.parametrize("version", VERSIONS)
def test_with_all_the_lookahead_there_is_a_piece_is_read_whole(
    stages: dict[str, GPTSoVITSFamily], version: str
) -> None:
    """As the reference reads it."""
    own = stages[version]
    said, codes = saying(own), some_codes(60)
    got = own.frame_stage(lookahead=1500).wave(codes, said)
    s2 = own.parts.s2
    if isinstance(s2, VitsModel):
        style = s2.style_of(said.voice.style)
        noise = normal_frames(said.seed, 0, 120, s2.enc_p.proj.out_channels // 2)[None]
        want = s2(codes[None], said.phones[None], style, noise)[0]
    else:
        condition, prompt = s2.condition(codes[None], said.phones[None], said.voice.style), prompt_of(s2, said)
        spoken = 0

        def noise_of(windows: int, frames: int) -> Tensor:
            nonlocal spoken
            speech = min(condition.shape[2] - spoken, prompt.speech_frames)
            made = normal_frames(said.seed, spoken, speech, prompt.mel.shape[1])[None]
            spoken += speech
            return torch.nn.functional.pad(made, (frames - speech, 0))

        def solver(window: Tensor, mel: Tensor, noise: Tensor) -> Tensor:
            return solve(s2.estimator, window, mel, noise, said.steps)

        mel = torch.cat(list(sequential_windows(condition, prompt, solver, noise_of)), dim=2)
        assert own.parts.vocoder is not None
        want = own.parts.vocoder(denormalized(mel))[0]
    torch.testing.assert_close(got, want, atol=1e-5, rtol=0)


@pytest.mark.parametrize("version", VERSIONS)
def test_in_bfloat16_it_sounds_the_same(stages: dict[str, GPTSoVITSFamily], version: str, tmp_path: Path) -> None:
    own = stages[version]
    root = convert_recorded(version, tmp_path / version)
    small = load_gpt_sovits(root, sound_precision="auto")
    assert all(p.dtype == torch.float32 for p in small.s2.parameters())  # small ones gain nothing
    coarse = load_gpt_sovits(root, sound_precision="bfloat16")
    said, codes = saying(own), some_codes(60)
    want, got = (GPTSoVITSFrameStage(parts).wave(codes, said) for parts in (own.parts, coarse))
    assert 0 < float((got - want).pow(2).mean().sqrt()) < 0.02 * float(want.pow(2).mean().sqrt())


@pytest.mark.parametrize("version", ["v3", "v4"])
def test_how_a_step_is_modulated_is_worked_out_once(stages: dict[str, GPTSoVITSFamily], version: str) -> None:
    network = stages[version].parts.s2.estimator
    assert isinstance(network, FlowTransformer)
    first = network.modulations(0.25, 0.125)
    assert network.modulations(0.25, 0.125) is first
    assert len(first) == len(network.blocks) + 1
    assert not torch.equal(network.modulations(0.5, 0.125)[0], first[0])


def test_fewer_codes_ahead_are_heard_sooner(stages: dict[str, GPTSoVITSFamily]) -> None:
    own = stages["v2"]
    sooner, usual = (own.frame_stage(lookahead=ahead).open(saying(own)) for ahead in (2, None))
    assert sooner.lookahead == usual.lookahead - 6


def test_a_piece_of_no_codes_is_no_sound(stages: dict[str, GPTSoVITSFamily]) -> None:
    for version in ("v2", "v4"):
        own = stages[version]
        assert not len(np.concatenate(streamed(own.frame_stage(), saying(own), some_codes(0), [1])))


def test_numbers_gone_wrong_are_an_error_in_their_own_place(stages: dict[str, GPTSoVITSFamily]) -> None:
    own = stages["v2"]
    frames, good, bad = own.frame_stage(), saying(own), saying(own)
    bad.voice.style[:] = float("nan")
    parts = [
        FramePart(frames.open(said), torch.zeros(20, 1), some_codes(20)[:, None], True) for said in (good, bad, good)
    ]
    first, middle, third = frames.decode(parts)
    assert isinstance(middle, TTSError)
    np.testing.assert_allclose(heard(first), heard(third), atol=1e-6)


def test_noise_by_place_does_not_depend_on_how_it_is_drawn() -> None:
    whole = normal_frames(5, 0, 40, 7)
    parts = torch.cat([normal_frames(5, 0, 13, 7), normal_frames(5, 13, 27, 7)], dim=1)
    assert torch.equal(whole, parts)
    assert not torch.equal(whole, normal_frames(6, 0, 40, 7))
    many = normal_frames(1, 10_000, 4000, 20)
    assert abs(float(many.mean())) < 0.02
    assert abs(float(many.std()) - 1) < 0.02
