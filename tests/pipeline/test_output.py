"""Output files: what is checked before synthesis, and what is written."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from vivace.audio.encode import encode
from vivace.audio.files import read_audio
from vivace.audio.spec import AudioFormat
from vivace.errors import InputError
from vivace.pipeline.output import Output, check_output, encode_chunks, speak_to_file
from vivace.pipeline.speech import AudioChunk
from vivace.pipeline.tts import TTS
from vivace.settings import TTSConfig

TONE = (0.3 * np.sin(np.arange(24_000) * 0.05)).astype(np.float32)


def chunks() -> list[AudioChunk]:
    parts = np.split(TONE, [7_000, 15_001])
    return [AudioChunk(part, 24_000, "", last=index == 2) for index, part in enumerate(parts)]


def test_the_format_follows_the_name_unless_it_is_given(tmp_path: Path) -> None:
    assert check_output(str(tmp_path / "a.MP3")).format == "mp3"
    assert check_output(str(tmp_path / "a.mp3"), "flac").format == "flac"
    assert check_output(str(tmp_path / "plain"), "pcm").format == "pcm"
    assert check_output("-") == Output(None, "wav")
    assert check_output("-", "opus") == Output(None, "opus")


def test_looking_leaves_nothing_behind_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "old.wav").write_bytes(b"old")
    check_output(str(tmp_path / "old.wav"))
    check_output(str(tmp_path / "new.wav"))
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("old.wav", b"old")]


@pytest.mark.parametrize("output", ["absent/a.wav", "a.xyz", "a", ".", "n" * 300 + ".wav"])
def test_what_cannot_be_written_is_refused(output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        check_output(output)


def test_an_unknown_format_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="'wma'; use one of wav, mp3, opus, aac, flac, pcm"):
        check_output("-", "wma")


@pytest.mark.parametrize("format", ["flac", "mp3", "opus", "aac"])
def test_chunks_make_one_file_of_the_whole_length(format: AudioFormat) -> None:
    streamed = b"".join(encode_chunks(chunks(), format))
    heard = read_audio(streamed, 24_000)
    assert len(heard) == pytest.approx(len(TONE), abs=2_400)  # lossy codecs pad by up to 0.1 s


def test_raw_samples_joined_are_the_whole() -> None:
    assert b"".join(encode_chunks(chunks(), "pcm")) == encode(TONE, 24_000, "pcm")


def test_no_chunks_are_no_bytes() -> None:
    assert b"".join(encode_chunks([], "mp3")) == b""


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
