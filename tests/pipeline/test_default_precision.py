"""The embedded voice in its default precision: nobody's numbers depend on who shares a step."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from vivace import TTS, TTSConfig
from vivace.layers.native.kernels import deactivate, kernels
from vivace.pipeline.loading import choose_precision

CPU = torch.device("cpu")
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


def test_alone_equals_batched_to_the_bit(tts: TTS) -> None:
    together = tts.synthesize_batch(TEXTS * 2, seed=11)
    for text, speech in zip(TEXTS * 2, together, strict=True):
        assert speech.stats.code_frames > 5
        alone = tts.synthesize(text, seed=11)
        assert speech.stats.code_frames == alone.stats.code_frames
        np.testing.assert_allclose(speech.samples, alone.samples, atol=1e-5, rtol=0)


def test_what_auto_means() -> None:
    small, large = 1 << 20, 200 << 20
    assert choose_precision("auto", "float32", small, CPU, by_row=True) == "int8"
    assert choose_precision("auto", "float32", small, CPU) == "float32"
    assert choose_precision("auto", "float32", large, CPU) == "int8"
    assert choose_precision("float32", "float32", small, CPU, by_row=True) == "float32"
