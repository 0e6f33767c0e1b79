from pathlib import Path

import numpy as np
import pytest

from vivace.audio.encode import encode
from vivace.audio.files import AudioFileWriter, read_audio, write_audio
from vivace.audio.resample import Samples
from vivace.audio.spec import AudioFormat
from vivace.errors import InputError

RATE = 24_000


def tone(seconds: float) -> Samples:
    return np.asarray(0.5 * np.sin(np.arange(round(seconds * RATE)) * 0.05), np.float32)


@pytest.mark.parametrize("format", ["wav", "pcm"])
def test_a_file_in_parts_is_the_file_at_once(format: AudioFormat, tmp_path: Path) -> None:
    samples = tone(1.0)
    with AudioFileWriter(tmp_path / "a", RATE, format) as file:
        for part in np.array_split(samples, 7):
            file.push(part)
    assert (tmp_path / "a").read_bytes() == encode(samples, RATE, format)


@pytest.mark.parametrize("format", ["mp3", "opus", "aac", "flac"])
def test_compressed_files_in_parts_hold_the_same_sound(format: AudioFormat, tmp_path: Path) -> None:
    samples = tone(1.0)
    with AudioFileWriter(tmp_path / f"a.{format}", RATE, format) as file:
        for part in np.array_split(samples, 7):
            file.push(part)
    write_audio(tmp_path / f"b.{format}", samples, RATE)
    parts, whole = (read_audio(tmp_path / f"{name}.{format}", RATE) for name in "ab")
    assert len(parts) == len(whole)
    np.testing.assert_allclose(parts, whole, atol=0.02)


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "a.wav"
    target.write_bytes(b"before")
    with pytest.raises(TypeError), AudioFileWriter(target, RATE, "wav") as file:
        file.push(None)  # type: ignore[arg-type]
    assert target.read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_a_place_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="make it first"), AudioFileWriter(tmp_path / "no" / "a.wav", RATE, "wav"):
        pass
    with pytest.raises(InputError, match="a folder"), AudioFileWriter(tmp_path, RATE, "wav"):
        pass
