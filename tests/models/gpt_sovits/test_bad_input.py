"""Recordings, transcripts and checkpoints that are not as they should be: a clear error, or a choice that is logged.

Files that are no models, or hold code, are in ``tests/weights/test_convert_gpt_sovits.py``.
"""

import io
import wave
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes.gpt_sovits import FakeHubert, convert_recorded, recording

from vivace import TTS, TTSConfig
from vivace.errors import AudioDecodeError, InputError
from vivace.models.gpt_sovits.family import GPTSoVITSFamily

WORDS = "今天天气真不错，我们出去走一走。"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert_recorded("v2", tmp_path_factory.mktemp("models") / "v2")


@pytest.fixture(scope="module")
def tts(checkpoint: Path) -> Iterator[TTS]:
    with TTS(checkpoint, config=TTSConfig(cache={"voices": False})) as opened:
        stages = opened.family
        assert isinstance(stages, GPTSoVITSFamily)
        stages.parts = replace(stages.parts, hubert=FakeHubert())  # type: ignore[arg-type]
        yield opened


def wav(seconds: float, *, channels: int = 1, width: int = 2, gain: float = 1.0, rate: int = 22_050) -> bytes:
    samples = np.repeat(recording(0, seconds, rate)[0] * gain, channels)
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(channels)
        written.setsampwidth(width)
        written.setframerate(rate)
        eight = (samples * 127 + 128).astype(np.uint8)
        written.writeframes(eight.tobytes() if width == 1 else (samples * 32_000).astype("<i2").tobytes())
    return file.getvalue()


@pytest.mark.parametrize(
    ("recording", "says"),
    [
        (wav(1), "lasts 1.0 s; GPT-SoVITS hears voices in 3 to 10 s"),
        (wav(25), "lasts 25.0 s; GPT-SoVITS hears voices in 3 to 10 s"),
        (wav(60), "lasts more than 30 s; cut it"),
        (wav(5, gain=0), "silent"),
        (b"", "is damaged or no audio"),
    ],
    ids=["1 s", "25 s", "60 s", "silence", "nothing"],
)
def test_recordings_that_are_refused(tts: TTS, recording: bytes, says: str) -> None:
    with pytest.raises(AudioDecodeError, match=says):
        tts.clone_voice(recording, WORDS)


def test_a_recording_in_stereo_and_8_bits_is_heard(tts: TTS) -> None:
    poor, good = tts.clone_voice(wav(4, channels=2, width=1), WORDS), tts.clone_voice(wav(4), WORDS)
    assert poor.embedding is not None
    assert good.embedding is not None
    assert float(np.abs(poor.embedding - good.embedding).max()) < 0.2 * float(np.abs(good.embedding).max())
    assert len(tts.synthesize("你好。", voice=poor, seed=1).samples) > 0


@pytest.mark.parametrize("transcript", ["안녕하세요, 여러분.", "Привет, мир.", "♪♪♪", "ありがとう"])
def test_a_transcript_of_which_nothing_can_be_read_is_refused(tts: TTS, transcript: str) -> None:
    with pytest.raises(InputError, match=r"nothing of the transcript .* can be read as 'auto' text"):
        tts.clone_voice(wav(4), transcript)


@pytest.mark.parametrize("transcript", ["ありがとう、世界。", WORDS * 8])
def test_a_transcript_that_hardly_fits_is_logged(tts: TTS, transcript: str, caplog: pytest.LogCaptureFixture) -> None:
    tts.clone_voice(wav(6), transcript)
    assert "if these are not its words" in caplog.text


def test_a_transcript_in_the_other_language_fits(tts: TTS, caplog: pytest.LogCaptureFixture) -> None:
    voice = tts.clone_voice(wav(4), "The weather is fine today, let us go for a walk.")
    assert "its words" not in caplog.text
    assert len(tts.synthesize("你好。", voice=voice, seed=1).samples) > 0


def test_without_hubert_it_speaks_but_does_not_hear(checkpoint: Path) -> None:
    with TTS(checkpoint) as deaf, pytest.raises(InputError, match="lacks chinese-hubert-base and cannot take a voice"):
        deaf.clone_voice(wav(4), WORDS)


def test_without_bert_it_says_so(checkpoint: Path, caplog: pytest.LogCaptureFixture) -> None:
    with TTS(checkpoint):
        assert "has no chinese-roberta-wwm-ext-large: Chinese is spoken with a flatter intonation" in caplog.text
