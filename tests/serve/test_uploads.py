"""Recordings that are none, that lie about themselves, or that unpack to hours: refused, with memory to spare."""

import io
import random
import resource
import wave
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import numpy as np
import pytest
from fakes.server import Running, running

from vivace import TTS, TTSConfig
from vivace.audio.encode import StreamEncoder, encode
from vivace.audio.spec import AudioFormat
from vivace.serve.backend import TTSBackend

GOLDENS = Path(__file__).parents[1] / "goldens" / "chattts"
RATE = 24_000
FORM = {"name": "Clara", "consent": "signed", "transcript": "Hello world, this is a test."}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A model with ears: the small checkpoint in the published layout."""
    folder = tmp_path_factory.mktemp("voices")
    limits = {"port": 0, "warm_up": False, "max_upload_mb": 5}
    paths = {"voices_dir": folder / "voices", "cache_dir": folder / "cache"}
    config = TTSConfig(paths=paths, server=limits)
    with TTS(GOLDENS / "checkpoint", config=config) as tts, running(TTSBackend.of(tts), config) as started:
        yield started


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    recorded = np.load(GOLDENS / "00_speech.npz")["speech_int16"]
    return np.asarray(recorded.astype(np.float32) / 32768)


def upload(server: Running, content: bytes, name: str = "clara.wav", **form: str) -> httpx.Response:
    with httpx.Client(base_url=server.url, timeout=60) as http:
        return http.post(
            "/v1/audio/voices", data={**FORM, **form}, files={"audio_sample": (name, content, "audio/wav")}
        )


def refused(answer: httpx.Response) -> str:
    assert 400 <= answer.status_code < 500
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert "\n" not in error["message"]
    return str(error["message"])


def wav_of(channels: int, rate: int, seconds: float = 2.0) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        time = np.arange(round(seconds * rate)) / rate
        tone = (3000 * np.sin(2 * np.pi * 300 * time) * (1 + np.sin(2 * np.pi * 3 * time))).astype("<i2")
        writer.writeframes(np.repeat(tone[:, None], channels, 1).tobytes())
    return file.getvalue()


@pytest.mark.parametrize("format", ["wav", "mp3", "opus", "aac", "flac"])
def test_a_recording_in_any_format_becomes_a_voice(server: Running, speech: np.ndarray, format: AudioFormat) -> None:
    answer = upload(server, encode(speech, RATE, format), name="mislabeled.wav")
    assert answer.status_code == 201, answer.text
    with httpx.Client(base_url=server.url, timeout=60) as http:
        spoken = http.post(
            "/v1/audio/speech",
            json={"model": "tts-1", "voice": "Clara", "input": "你好。", "response_format": "wav", "seed": 1},
        )
        assert spoken.status_code == 200
        assert http.delete("/v1/audio/voices/Clara").status_code == 200


@pytest.mark.parametrize(("channels", "rate"), [(2, 48_000), (1, 96_000), (2, 8_000)])
def test_odd_but_honest_recordings_are_taken(server: Running, channels: int, rate: int) -> None:
    answer = upload(server, wav_of(channels, rate))
    assert answer.status_code == 201, answer.text
    with httpx.Client(base_url=server.url) as http:
        http.delete("/v1/audio/voices/Clara")


@pytest.mark.parametrize(("channels", "rate"), [(8, 48_000), (1, 192_000)])
def test_what_no_microphone_makes_is_refused(server: Running, channels: int, rate: int) -> None:
    assert f"{channels} channels at {rate} Hz" in refused(upload(server, wav_of(channels, rate)))


def test_nothing_and_no_audio_at_all(server: Running) -> None:
    for content in (b"", b"x", b"RIFF", b"%PDF-1.7" + bytes(1000), bytes(100_000), b"PK\x03\x04" + bytes(100)):
        refused(upload(server, content))


def test_silence_is_no_voice(server: Running) -> None:
    assert "silent" in refused(upload(server, encode(np.zeros(3 * RATE, np.float32), RATE, "flac")))


def test_too_many_channels_and_too_many_bytes(server: Running) -> None:
    refused(upload(server, wav_of(9, 16_000)))
    answer = upload(server, bytes(6_000_000))
    assert answer.status_code == 413


def test_a_playlist_opens_nothing(server: Running) -> None:
    lists = (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", b"ffconcat version 1.0\nfile /etc/passwd\n")
    for content in lists:
        refused(upload(server, content, name="list.m3u8"))


def test_hours_of_silence_in_a_small_file_are_not_unpacked(server: Running) -> None:
    encoder = StreamEncoder("opus", 48_000)
    minute = np.zeros(60 * 48_000, np.float32)
    bomb = b"".join(encoder.push(minute) for _ in range(20)) + encoder.finish()  # 230 MB of samples
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "more than 30 s" in refused(upload(server, bomb))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes


def test_cut_and_flipped_files_are_answered(server: Running, speech: np.ndarray) -> None:
    draw = random.Random(2)
    files = [encode(speech, RATE, format) for format in ("wav", "mp3", "opus", "flac")]
    for turn in range(24):
        content = bytearray(files[turn % len(files)])
        if turn % 2:
            content = content[: draw.randrange(len(content))]
        for _ in range(draw.randrange(1, 40)):
            if content:
                content[draw.randrange(min(len(content), 4000))] = draw.randrange(256)
        answer = upload(server, bytes(content))
        if answer.status_code == 201:  # what is still a recording is one
            with httpx.Client(base_url=server.url) as http:
                http.delete(f"/v1/audio/voices/{answer.json()['id']}")
        else:
            refused(answer)


def test_a_model_without_ears_says_so() -> None:
    config = TTSConfig(server={"port": 0, "warm_up": False})
    with TTS(config=config) as tts, running(TTSBackend.of(tts), config) as embedded:
        assert "cannot learn a voice" in refused(upload(embedded, wav_of(1, RATE)))
