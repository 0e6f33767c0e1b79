"""The front door with a GPT-SoVITS checkpoint."""

import asyncio
import io
import logging
import wave
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes.gpt_sovits import FakeHubert, convert_recorded, recording
from numpy.typing import NDArray

from vivace import TTS, TTSConfig
from vivace.engine.protocols import FramePart
from vivace.errors import (
    AudioDecodeError,
    InputError,
    TTSError,
    UnsupportedLanguageError,
    VoiceNotFoundError,
    WeightsNotFoundError,
)
from vivace.models.gpt_sovits.family import GPTSoVITSFamily
from vivace.models.gpt_sovits.frame_stage import GPTSoVITSFrameStage
from vivace.models.gpt_sovits.phones import readable_runs
from vivace.pipeline.async_tts import AsyncTTS
from vivace.pipeline.checkpoints import describe_model
from vivace.pipeline.speech import AudioChunk
from vivace.text import phones
from vivace.voices.store import VoiceStore
from vivace.voices.voice import Voice


def wav(number: int, seconds: float = 3.5, rate: int = 22_050, *, gain: float = 1.0) -> bytes:
    samples, _ = recording(number, seconds, rate)
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(rate)
        written.writeframes((samples * gain * 32_000).astype("<i2").tobytes())
    return file.getvalue()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert_recorded("v2", tmp_path_factory.mktemp("models") / "v2")


@pytest.fixture
def tts(checkpoint: Path) -> Iterator[TTS]:
    with TTS(checkpoint) as opened:
        family = opened.family
        assert isinstance(family, GPTSoVITSFamily)
        family.parts = replace(family.parts, hubert=FakeHubert())  # type: ignore[arg-type]
        yield opened


@pytest.fixture
def voice(tts: TTS) -> Voice:
    return tts.clone_voice(wav(0), "今天天气不错。", name="anna")


def test_a_cloned_voice_speaks_and_a_stream_is_the_same(tts: TTS, voice: Voice) -> None:
    text = "你好，世界。这是第二句话，长一点。Now a third one."
    whole = tts.synthesize(text, voice=voice, seed=3)
    assert whole.sample_rate == tts.sample_rate == 32_000
    chunks = list(tts.stream(text, voice=voice, seed=3))
    assert len(chunks) > 1
    assert chunks[-1].last
    joined = np.concatenate([chunk.samples for chunk in chunks])
    np.testing.assert_allclose(joined, whole.samples, atol=1e-5)
    assert whole.stats.seed == 3


def test_a_piece_is_heard_before_its_last_code(tts: TTS, voice: Voice, monkeypatch: pytest.MonkeyPatch) -> None:
    stages = tts.family
    stages.sampling = replace(stages.sampling, min_new_tokens=120, max_new_tokens=120)
    ends: list[bool] = []  # of every push that made sound: was it the last
    frames = GPTSoVITSFrameStage.decode

    def decode(own: GPTSoVITSFrameStage, parts: Sequence[FramePart]) -> list[NDArray[np.float32] | TTSError]:
        made = frames(own, parts)
        ends.extend(part.last for part, samples in zip(parts, made, strict=True) if len(samples))  # type: ignore[arg-type]
        return made

    monkeypatch.setattr(GPTSoVITSFrameStage, "decode", decode)
    text = "今天天气真的非常好，我们一起去公园走一走吧。"
    whole = tts.synthesize(text, voice=voice, seed=3)
    assert (whole.stats.pieces, whole.stats.code_frames) == (1, 120)
    ends.clear()
    chunks = list(tts.stream(text, voice=voice, seed=3))
    assert ends[:3] == [False] * 3
    assert len(chunks) >= 4
    np.testing.assert_allclose(np.concatenate([c.samples for c in chunks]), whole.samples, atol=1e-5)

    async def listen() -> list[AudioChunk]:
        return [chunk async for chunk in AsyncTTS(tts).stream(text, voice=voice, seed=3, reuse=False)]

    awaited = asyncio.run(listen())
    assert len(awaited) >= 4
    np.testing.assert_allclose(np.concatenate([c.samples for c in awaited]), whole.samples, atol=1e-5)


def test_a_batch_has_a_result_for_every_text_in_order(tts: TTS, voice: Voice) -> None:
    texts = ["第一句。", "第二句话。", "The third."]
    many = tts.synthesize_batch(texts, voice=voice, seed=1)
    alone = [tts.synthesize(text, voice=voice, seed=1) for text in texts]
    for one, other in zip(many, alone, strict=True):
        np.testing.assert_allclose(one.samples, other.samples, atol=1e-4)


@pytest.mark.parametrize(("seconds", "said"), [(1.0, "1.0 s"), (2.9, "2.9 s"), (12.0, "12.0 s")])
def test_a_recording_too_short_or_too_long_is_an_error(tts: TTS, seconds: float, said: str) -> None:
    with pytest.raises(AudioDecodeError, match=rf"lasts {said}; GPT-SoVITS hears voices in 3 to 10 s"):
        tts.clone_voice(wav(0, seconds), "今天天气不错。")


def test_silence_and_noise_that_is_no_recording_are_errors(tts: TTS) -> None:
    with pytest.raises(AudioDecodeError, match="silent"):
        tts.clone_voice(wav(0, gain=0.0), "今天天气不错。")
    with pytest.raises(AudioDecodeError):
        tts.clone_voice(b"RIFF0000", "今天天气不错。")
    with pytest.raises(InputError, match="transcript"):
        tts.clone_voice(wav(0), " ")


def test_what_the_family_cannot_do_is_said(tts: TTS, voice: Voice) -> None:
    with pytest.raises(InputError, match="cannot rewrite text"):
        tts.refine("你好")
    with pytest.raises(InputError, match="refine is an option of ChatTTS models, and this is a GPT-SoVITS model"):
        tts.synthesize("你好", voice=voice, refine="[oral_2]")
    with pytest.raises(VoiceNotFoundError):
        tts.synthesize("你好")
    with pytest.raises(VoiceNotFoundError):
        tts.synthesize("你好", voice="seed:2")


def test_the_model_describes_itself(checkpoint: Path, caplog: pytest.LogCaptureFixture) -> None:
    card = describe_model(TTSConfig.load(model=str(checkpoint)))
    assert card.family == "gpt_sovits"
    assert card.parameters > 500_000
    assert not card.clones_recordings
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR]


def test_a_checkpoint_without_a_part_is_named(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "gpt_sovits.json").write_bytes((checkpoint / "gpt_sovits.json").read_bytes())
    with pytest.raises(WeightsNotFoundError, match=r"s1\.safetensors, s2\.safetensors"):
        TTS(tmp_path)


def test_cantonese_is_spoken_and_the_transcript_is_read_as_it(tts: TTS) -> None:
    voice = tts.clone_voice(wav(0), "佢去咗香港買嘢。", language="yue")
    assert voice.languages == ("zh", "en", "yue", "ja")
    mandarin = tts.clone_voice(wav(0), "佢去咗香港買嘢。")
    spoken, said = (tts.synthesize("我係香港人。", voice=voice, language=choice, seed=1) for choice in ("yue", "zh"))
    assert len(spoken.samples) > 0
    assert not np.array_equal(spoken.samples, said.samples)
    other = tts.synthesize("我係香港人。", voice=mandarin, language="yue", seed=1)
    assert not np.array_equal(spoken.samples, other.samples)


def test_the_language_of_a_transcript_is_kept(tts: TTS, tmp_path: Path) -> None:
    store = VoiceStore(tmp_path)
    store.add(tts.clone_voice(wav(0), "佢去咗香港買嘢。", language="yue", name="anna"))
    assert store.get("anna").transcript_language == "yue"
    assert store.get("anna").languages == ("zh", "en", "yue", "ja")


def test_a_model_without_cantonese_phones_says_so() -> None:
    words = phones("我係香港人。", "yue")
    with pytest.raises(UnsupportedLanguageError, match="GPT-SoVITS v1 has no phones for 'yue', only for zh, en, ja"):
        readable_runs(words, "v1")
    assert readable_runs(words, "v2")[0].language == "yue"


def test_other_families_say_that_they_do_not_speak_cantonese() -> None:
    with TTS() as tts, pytest.raises(UnsupportedLanguageError, match="does not speak 'yue'; voices that do: none"):
        tts.synthesize("我係香港人。", language="yue")


def test_japanese_is_spoken_and_the_transcript_is_read_as_it(tts: TTS) -> None:
    with pytest.raises(InputError, match="nothing of the transcript 'ありがとう' can be read as 'auto' text"):
        tts.clone_voice(wav(0), "ありがとう")
    voice = tts.clone_voice(wav(0), "ありがとうございます。", language="ja")
    assert voice.transcript == "ありがとうございます。"
    text = "今日は天気がいいですね。"
    whole = tts.synthesize(text, voice=voice, language="ja", seed=1)
    chunks = list(tts.stream(text, voice=voice, language="ja", seed=1))
    np.testing.assert_allclose(np.concatenate([chunk.samples for chunk in chunks]), whole.samples, atol=1e-4)
