from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from vivace.audio.encode import encode
from vivace.errors import InputError
from vivace.pipeline.file_speech import speak_to_file
from vivace.pipeline.tts import TTS
from vivace.settings import TTSConfig


@pytest.fixture(scope="module")
def tts() -> Iterator[TTS]:
    with TTS(config=TTSConfig()) as made:
        yield made


def test_the_file_is_that_of_the_whole_speech(tts: TTS, tmp_path: Path) -> None:
    text = "One. Two, three."
    stats = speak_to_file(tts, text, tmp_path / "a.wav", seed=3)
    speech = tts.synthesize(text, seed=3)
    assert (tmp_path / "a.wav").read_bytes() == encode(speech.samples, speech.sample_rate, "wav")
    assert (stats.pieces, stats.seed) == (speech.stats.pieces, 3)
    assert np.isclose(stats.duration_s, ((tmp_path / "a.wav").stat().st_size - 44) / 2 / speech.sample_rate)


def test_what_cannot_be_said_leaves_no_file(tts: TTS, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        speak_to_file(tts, "Hello.", tmp_path / "a.wav", voice="nobody")
    with pytest.raises(InputError, match="unknown extension"):
        speak_to_file(tts, "Hello.", tmp_path / "a.xyz")
    assert list(tmp_path.iterdir()) == []
