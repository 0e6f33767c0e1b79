"""Recordings of any format become one array, once."""

from pathlib import Path

import numpy as np
import pytest

from vivace.audio.files import write_audio
from vivace.errors import InputError
from vivace.train.corpus.recording import Samples
from vivace.train.vocoder.dataset import prepare_audio


def tone(seconds: float, rate: int, hertz: float = 440.0) -> Samples:
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    recordings = tmp_path / "speech" / "deep"
    recordings.mkdir(parents=True)
    write_audio(recordings.parent / "a.wav", tone(0.5, 24_000), 24_000)
    write_audio(recordings / "b.flac", tone(0.5, 44_100), 44_100)
    write_audio(recordings / "c.opus", tone(0.5, 48_000), 48_000)
    (recordings / "broken.mp3").write_bytes(b"no audio at all")
    (recordings / "notes.txt").write_text("not a recording", encoding="utf-8")
    write_audio(recordings / "short.wav", tone(0.01, 24_000), 24_000)
    return recordings.parent


def test_all_formats_at_one_rate_and_the_unusable_are_named(folder: Path, tmp_path: Path) -> None:
    said: list[str] = []
    audio = prepare_audio(folder, tmp_path / "store", 24_000, shortest=1024, report=said.append)
    assert audio.names == ("a.wav", "deep/b.flac", "deep/c.opus")
    assert len(said) == 2
    assert "broken.mp3" in said[0]
    assert "short.wav" in said[1]
    for index, length in enumerate(audio.lengths):
        assert length == pytest.approx(12_000, abs=400)
        middle = audio.samples(index, 4000, 2048)
        peak = np.argmax(np.abs(np.fft.rfft(middle * np.hanning(2048))))
        assert peak * 24_000 / 2048 == pytest.approx(440, abs=12)


def test_a_crop_at_the_end_does_not_reach_into_the_next_recording(folder: Path, tmp_path: Path) -> None:
    audio = prepare_audio(folder, tmp_path / "store", 24_000, shortest=1024, report=lambda _: None)
    assert len(audio.samples(0, audio.lengths[0] - 100, 400)) == 100


def test_it_is_decoded_again_only_when_a_file_changes(folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    prepare_audio(folder, store, 24_000, shortest=1024, report=lambda _: None)
    said: list[str] = []
    prepare_audio(folder, store, 24_000, shortest=1024, report=said.append)
    assert said == []  # nothing was decoded, so nothing was left out
    write_audio(folder / "d.wav", tone(0.2, 24_000), 24_000)
    assert len(prepare_audio(folder, store, 24_000, shortest=1024, report=said.append).names) == 4
    assert len(said) == 2


def test_nothing_to_use_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder"):
        prepare_audio(tmp_path / "missing", tmp_path / "store", 24_000, shortest=1)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no recordings in"):
        prepare_audio(tmp_path / "empty", tmp_path / "store", 24_000, shortest=1)
    (tmp_path / "empty" / "x.wav").write_bytes(b"RIFF")
    with pytest.raises(InputError, match="can be used"):
        prepare_audio(tmp_path / "empty", tmp_path / "store", 24_000, shortest=1, report=lambda _: None)
    assert list((tmp_path / "store").iterdir()) == []  # no half-made array is left
