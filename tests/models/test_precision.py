"""The embedded voice in its default precision: nobody's numbers depend on who shares a step."""

from collections.abc import Iterator

import pytest
import torch

from vivace import TTS, TTSConfig
from vivace.engine.engine import Engine, EngineRequest
from vivace.engine.sequence import EngineConfig
from vivace.layers.native.kernels import deactivate, kernels
from vivace.models.chattts.family import ChatTTSFamily
from vivace.text import split

TEXTS = [
    "Yes.",
    "The train leaves at half past seven.",
    "火车七点半开。",
    "It rained all night, and the streets were empty.",
]


@pytest.fixture
def tts() -> Iterator[TTS]:
    with TTS(config=TTSConfig(cache={"results": "off"})) as opened:
        if kernels() is None:
            pytest.skip("there is no C compiler here")
        yield opened
    deactivate()


def heard(engine: Engine, jobs: list[EngineRequest]) -> list[list[tuple[list[int], torch.Tensor]]]:
    """Frames of each job, all of them submitted at once."""
    ids = [engine.submit(job) for job in jobs]
    frames: dict[int, list[tuple[list[int], torch.Tensor]]] = {id: [] for id in ids}
    while not engine.idle:
        for update in engine.step(0.0):
            if update.codes is not None and update.hidden is not None:
                frames[update.id].append((update.codes.tolist(), update.hidden))
    return [frames[id] for id in ids]


def test_without_kernels_means_without_them_whoever_else_has_them(tts: TTS) -> None:
    with TTS(config=TTSConfig(native_kernels=False, cache={"results": "off"})) as plain:
        assert isinstance(tts.family, ChatTTSFamily)
        assert isinstance(plain.family, ChatTTSFamily)
        assert tts.family.model.llama.native is not None
        assert plain.family.model.llama.native is None
        config = EngineConfig(slots=2, positions=64, long_slots=0)
        assert tts.family.engine(config)._runner._native is not None
        assert plain.family.engine(config)._runner._native is None


def test_alone_equals_batched_to_the_bit(tts: TTS) -> None:
    stages = tts.family
    assert isinstance(stages, ChatTTSFamily)
    jobs = [
        stages.generation(stages.model_text(piece), tts.voice(), None, stages.sampling, seed)
        for seed, text in enumerate(TEXTS * 2)
        for piece in split(text)
    ]
    config = EngineConfig(slots=8, positions=512, long_slots=0)
    together = heard(stages.engine(config), jobs)
    for job, frames in zip(jobs, together, strict=True):
        (alone,) = heard(stages.engine(config), [job])
        assert len(frames) > 5
        assert [codes for codes, _ in frames] == [codes for codes, _ in alone]
        assert all(torch.equal(a, b) for (_, a), (_, b) in zip(frames, alone, strict=True))
