"""A recording is listened to once, restarts included."""

from pathlib import Path

import numpy as np
import pytest

from vivace.cache.disk import DiskCache
from vivace.cache.keys import bytes_key
from vivace.pipeline.prepared_voices import PreparedVoices, open_prepared_voices
from vivace.settings import TTSConfig
from vivace.voices.voice import Voice

CODES = np.arange(8, dtype=np.int32).reshape(4, 2)


class Listener:
    """Counts how often it had to listen."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> Voice:
        self.times += 1
        return Voice("anna", prompt_codes=CODES, transcript="Yes.", languages=("en",))


@pytest.fixture
def listen() -> Listener:
    return Listener()


def prepared(folder: Path, model: str = "model") -> PreparedVoices:
    return PreparedVoices(DiskCache(folder, 1 << 20), lambda: model)


def test_the_second_time_it_is_found_after_a_restart_too(tmp_path: Path, listen: Listener) -> None:
    prepared(tmp_path).voice(b"recording", "Yes.", listen)
    again = prepared(tmp_path).voice(b"recording", "Yes.", listen)
    assert listen.times == 1
    assert again.prompt_codes is not None
    assert np.array_equal(again.prompt_codes, CODES)
    assert (again.transcript, again.languages) == ("Yes.", ("en",))


def test_a_file_and_its_content_are_the_same_recording(tmp_path: Path, listen: Listener) -> None:
    (tmp_path / "anna.wav").write_bytes(b"recording")
    kept = prepared(tmp_path / "cache")
    kept.voice(tmp_path / "anna.wav", "Yes.", listen)
    kept.voice(b"recording", "Yes.", listen)
    assert listen.times == 1


@pytest.mark.parametrize(
    ("recording", "transcript", "model"),
    [(b"other", "Yes.", "model"), (b"recording", "No.", "model"), (b"recording", "Yes.", "other")],
)
def test_another_recording_transcript_or_model_is_listened_to(
    tmp_path: Path, listen: Listener, recording: bytes, transcript: str, model: str
) -> None:
    prepared(tmp_path).voice(b"recording", "Yes.", listen)
    prepared(tmp_path, model).voice(recording, transcript, listen)
    assert listen.times == 2


def test_forgotten_damaged_or_switched_off_it_listens_again(tmp_path: Path, listen: Listener) -> None:
    kept = prepared(tmp_path)
    kept.voice(b"recording", "Yes.", listen)
    kept.clear()
    kept.voice(b"recording", "Yes.", listen)
    assert listen.times == 2
    (stored,) = tmp_path.glob("??/*")
    stored.write_bytes(stored.read_bytes()[:-1])
    kept.voice(b"recording", "Yes.", listen)
    assert listen.times == 3
    off = open_prepared_voices(TTSConfig(cache={"voices": False}), tmp_path)
    off.voice(b"recording", "Yes.", listen)
    assert listen.times == 4


def test_a_file_that_cannot_be_read_is_left_to_whoever_reads_it(tmp_path: Path, listen: Listener) -> None:
    prepared(tmp_path).voice(tmp_path / "absent.wav", "Yes.", listen)
    assert listen.times == 1


def test_the_key_of_bytes_is_their_checksum() -> None:
    assert bytes_key(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
