import contextlib
import io
import wave
from pathlib import Path
from random import Random

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vivace.audio.encode import encode
from vivace.audio.files import format_of, read_audio, write_audio
from vivace.audio.spec import EXTENSIONS, AudioFormat
from vivace.errors import AudioDecodeError, InputError

RATE = 24_000
Samples = NDArray[np.float32]


def tone(seconds: float = 1.0, rate: int = RATE, hertz: float = 300.0) -> Samples:
    return (0.4 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def wav(channels: NDArray[np.int16], rate: int = RATE) -> bytes:
    """A WAV file of ``[C, N]`` integers."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(channels.T.astype("<i2").tobytes())
    return buffer.getvalue()


def test_a_wav_comes_back_as_it_was(tmp_path: Path) -> None:
    write_audio(tmp_path / "x.wav", tone(), RATE)
    back = read_audio(tmp_path / "x.wav", RATE)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, tone(), atol=1e-4)


@pytest.mark.parametrize("extension", sorted(EXTENSIONS))
def test_the_extension_chooses_the_format(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"x{extension.upper()}"
    write_audio(path, tone(0.2), RATE)
    assert path.read_bytes() == encode(tone(0.2), RATE, EXTENSIONS[extension])


def test_a_format_that_is_given_goes_before_the_extension(tmp_path: Path) -> None:
    write_audio(tmp_path / "x.dat", tone(0.2), RATE, "flac")
    assert (tmp_path / "x.dat").read_bytes()[:4] == b"fLaC"


@pytest.mark.parametrize(("name", "words"), [("x.xyz", "unknown extension '.xyz'"), ("x", "no extension")])
def test_an_unknown_extension_lists_the_known(name: str, words: str) -> None:
    with pytest.raises(InputError, match=rf"{words} in .*\.wav, \.mp3, \.opus, \.ogg, \.aac, \.flac, \.pcm, \.raw"):
        format_of(Path(name))


def test_channels_are_averaged() -> None:
    both = np.stack([np.full(2000, 8000), np.full(2000, -4000)]).astype(np.int16)
    np.testing.assert_allclose(read_audio(wav(both), RATE), np.full(2000, 2000 / 32768), atol=1e-6)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_recordings_are_resampled(rate: int) -> None:
    content = encode(tone(1.0, rate), rate, "wav")
    back = read_audio(content, RATE)
    assert abs(len(back) - RATE) <= 2
    np.testing.assert_allclose(back[500:-500], tone()[500 : len(back) - 500], atol=3e-3)


def test_a_recording_with_tags_in_some_old_encoding() -> None:
    plain = wav(np.zeros((1, 4000), np.int16) + 99)
    name = "标题".encode("gbk")
    chunk = b"INFOINAM" + len(name).to_bytes(4, "little") + name
    tagged = plain + b"LIST" + len(chunk).to_bytes(4, "little") + chunk
    tagged = tagged[:4] + (len(tagged) - 8).to_bytes(4, "little") + tagged[8:]
    assert len(read_audio(tagged, RATE)) == 4000


def problem(source: Path | bytes, **limits: float) -> str:
    with pytest.raises(AudioDecodeError) as caught:
        read_audio(source, RATE, **limits)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_recordings_that_are_too_short_or_too_long() -> None:
    content = encode(tone(1.0), RATE, "wav")
    assert "lasts 1.00 s; give a recording of at least 3 s" in problem(content, min_seconds=3.0)
    assert "lasts more than 0.5 s; cut it" in problem(content, max_seconds=0.5)
    assert len(read_audio(content, RATE, min_seconds=1.0, max_seconds=1.0)) == RATE
    assert "lasts 0 s" in problem(encode(tone(0.0), RATE, "wav"))


def test_decoding_stops_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Minutes of silence are a few kilobytes of Opus; nobody unpacks them."""
    import vivace.audio.decode as decode

    content = encode(np.zeros(150 * 8000, np.float32), 8000, "opus")
    frames = decode._frames
    unpacked: list[int] = []

    def counted(container: object) -> object:
        for frame in frames(container):  # type: ignore[arg-type]
            unpacked.append(len(frame))
            yield frame

    monkeypatch.setattr(decode, "_frames", counted)
    assert "lasts more than 10 s" in problem(content, max_seconds=10.0)
    assert sum(unpacked) < 11 * 48_000


def test_files_that_are_no_recordings(tmp_path: Path) -> None:
    text = tmp_path / "text.mp3"
    text.write_text("This is a text, whatever its name says.\n" * 40)
    assert "text.mp3 is damaged or no audio" in problem(text)
    assert "is damaged or no audio" in problem(b"")
    assert "is damaged or no audio" in problem(bytes(range(256)) * 40)
    assert "no recording" in problem(tmp_path / "none.wav")
    assert "is a folder" in problem(tmp_path)


def test_a_codec_that_nobody_knows() -> None:
    content = bytearray(encode(tone(0.2), RATE, "wav"))
    content[20:22] = b"\xef\xbe"  # the format tag
    assert "cannot be decoded" in problem(bytes(content))


def test_samples_that_are_no_numbers() -> None:
    samples = tone(0.2)
    samples[100] = np.nan
    content = bytearray(encode(np.zeros(2 * len(samples), np.float32), RATE, "wav"))
    content[20:22] = b"\x03\x00"  # floats
    content[28:36] = (4 * RATE).to_bytes(4, "little") + (4).to_bytes(2, "little") + (32).to_bytes(2, "little")
    content[44:] = samples.astype("<f4").tobytes()
    assert "samples that are no numbers" in problem(bytes(content))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["wav", "flac", "mp3", "opus", "aac"]), st.randoms(use_true_random=False))
def test_damaged_recordings_are_read_or_refused(format: AudioFormat, random: Random) -> None:
    content = bytearray(encode(tone(0.2), RATE, format))
    for _ in range(random.choice([1, 5, 50])):
        content[random.randrange(random.choice([60, len(content)]))] = random.randrange(256)
    with contextlib.suppress(AudioDecodeError):  # nothing else may come out
        assert np.isfinite(read_audio(bytes(content), RATE, max_seconds=5.0)).all()


@pytest.mark.parametrize("format", ["wav", "flac", "mp3", "opus", "aac"])
def test_a_truncated_recording_is_read_as_far_as_it_goes(format: AudioFormat) -> None:
    content = encode(tone(2.0), RATE, format)
    kept = read_audio(content[: round(len(content) * 0.7)], RATE)
    assert 0.9 * RATE < len(kept) < 1.8 * RATE


def test_a_stream_that_was_joined_late_is_read_from_there() -> None:
    content = encode(tone(2.0), RATE, "aac")
    assert 1.5 * RATE < len(read_audio(content[3000:], RATE)) < 2 * RATE


def test_a_recording_with_many_holes_is_refused() -> None:
    content = bytearray(encode(tone(2.0), RATE, "aac"))
    for i in range(300, len(content), 300):
        content[i : i + 60] = bytes(60)
    assert "is damaged" in problem(bytes(content))


def test_a_video_without_sound() -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska") as container:
        stream = container.add_stream("mpeg4", rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "yuv420p"
        for packet in [*stream.encode(av.VideoFrame(16, 16, "yuv420p")), *stream.encode(None)]:
            container.mux(packet)
    assert "has no audio in it" in problem(buffer.getvalue())


@pytest.mark.parametrize("count", range(1, 9))
def test_every_number_of_channels_up_to_eight(count: int) -> None:
    """Eight planar channels once crashed the process inside PyAV."""
    channels = np.arange(1, count + 1, dtype=np.int16)[:, None] * np.full((1, 4800), 1000, np.int16)
    samples = read_audio(wav(channels), RATE)
    np.testing.assert_allclose(samples, channels.mean(0) / 32768, atol=1e-6)


def test_too_many_channels() -> None:
    assert "has 12 channels" in problem(wav(np.zeros((12, 1000), np.int16)))


def test_an_absurd_rate() -> None:
    assert "samples per second" in problem(wav(np.zeros((1, 1000), np.int16), rate=3_000_000))


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{}'\n",
    ],
)
def test_a_playlist_does_not_open_other_files(tmp_path: Path, playlist: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_audio(tmp_path / "secret.wav", tone(), RATE)
    listed = tmp_path / "list.mp3"
    for address in ("secret.wav", tmp_path / "secret.wav", f"file://{tmp_path / 'secret.wav'}"):
        listed.write_text(playlist.format(address))
        assert "is damaged or no audio" in problem(listed)
        assert "is damaged or no audio" in problem(listed.read_bytes())


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "file").write_text("")
    cases = {
        tmp_path / "none" / "x.wav": "there is no folder",
        tmp_path / "file" / "x.wav": "there is no folder",
        tmp_path / "folder.wav": "it is a folder",
        tmp_path / ("x" * 300 + ".wav"): "cannot write",
    }
    for path, words in cases.items():
        with pytest.raises(InputError, match=words) as caught:
            write_audio(path, tone(0.1), RATE)
        assert "\n" not in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder.wav"]


def test_a_failed_write_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(b"old")

    def full_disk(*_: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vivace.audio.files.to_pcm16", full_disk)
    with pytest.raises(InputError, match=r"No space left on device.*choose another place"):
        write_audio(path, tone(0.1), RATE)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.wav"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.wav").write_bytes(b"old")
    (tmp_path / "link.wav").symlink_to(tmp_path / "real.wav")
    write_audio(tmp_path / "link.wav", tone(0.1), RATE)
    assert (tmp_path / "link.wav").is_symlink()
    assert (tmp_path / "real.wav").read_bytes() == encode(tone(0.1), RATE, "wav")


@pytest.mark.parametrize(("left", "right", "level"), [(1, -1, 1), (1, -0.999, 1), (1, 1, 1), (1, 0, 0.5), (0, 1, 0.5)])
def test_channels_that_cancel_are_not_averaged(left: float, right: float, level: float) -> None:
    sound = tone()
    samples = read_audio(wav(np.stack([left * sound, right * sound]) * 32767), RATE)
    np.testing.assert_allclose(samples, level * sound, atol=1e-3)
