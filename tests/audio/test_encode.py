import io
import struct
import wave
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from vivace.audio.encode import StreamEncoder, encode, to_pcm16
from vivace.audio.files import read_audio
from vivace.audio.spec import SPECS, AudioFormat, spec_of
from vivace.errors import InputError

Samples = NDArray[np.float32]
RATE = 24_000
FORMATS: tuple[AudioFormat, ...] = get_args(AudioFormat)
LOSSLESS: tuple[AudioFormat, ...] = ("wav", "flac", "pcm")


def voice_like(seconds: float = 1.7, rate: int = RATE) -> Samples:
    """A gliding tone with harmonics and a syllable rhythm."""
    t = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * (140 * t + 12 * np.sin(2 * t))
    tone = np.sum([np.sin(k * phase) / k for k in range(1, 12)], axis=0)
    return np.asarray(0.2 * tone * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * t)), np.float32)


def decoded(content: bytes, format: AudioFormat, rate: int = RATE) -> Samples:
    if format == "pcm":
        return np.asarray(np.frombuffer(content, "<i2") / 32768, np.float32)
    return read_audio(content, rate)


def streamed(samples: Samples, format: AudioFormat, chunk: int = 1777, rate: int = RATE) -> bytes:
    encoder = StreamEncoder(format, rate)
    parts = [encoder.push(samples[i : i + chunk]) for i in range(0, len(samples), chunk)]
    return b"".join([*parts, encoder.finish()])


def similarity(a: Samples, b: Samples) -> float:
    """Correlation of the two at the best shift: encoders put some silence in front."""
    spectrum = np.fft.rfft(a, 1 << 17).conj() * np.fft.rfft(b, 1 << 17)
    return float(np.fft.irfft(spectrum).max() / (np.linalg.norm(a) * np.linalg.norm(b)))


@pytest.mark.parametrize("how", ["whole", "stream"])
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("seconds", [0.21, 1.7])
def test_what_is_encoded_can_be_decoded(format: AudioFormat, how: str, seconds: float) -> None:
    samples = voice_like(seconds)
    content = encode(samples, RATE, format) if how == "whole" else streamed(samples, format)
    back = decoded(content, format)
    assert abs(len(back) - len(samples)) <= 0.06 * RATE
    assert similarity(samples, back) > (0.9999 if format in LOSSLESS else 0.98)
    assert np.square(back).sum() == pytest.approx(np.square(samples).sum(), rel=0.12)  # LAME plays at 0.95


@pytest.mark.parametrize("format", LOSSLESS)
@pytest.mark.parametrize("chunk", [1, 100, 4096, 100_000])
def test_a_lossless_stream_is_the_whole_sample_by_sample(format: AudioFormat, chunk: int) -> None:
    samples = voice_like(0.1 if chunk == 1 else 1.0)
    whole, parts = encode(samples, RATE, format), streamed(samples, format, chunk)
    assert np.array_equal(decoded(whole, format), decoded(parts, format))
    assert np.array_equal(np.rint(decoded(whole, format) * 32768).astype(int), to_pcm16(samples))


@pytest.mark.parametrize("format", ["mp3", "opus", "aac"])
def test_the_size_of_chunks_does_not_change_a_stream(format: AudioFormat) -> None:
    samples = voice_like(0.7)
    a, b = (decoded(streamed(samples, format, chunk), format) for chunk in (480, 5000))
    assert len(a) == len(b)
    np.testing.assert_allclose(a, b, atol=2e-3)


@pytest.mark.parametrize("format", FORMATS)
def test_equal_samples_give_equal_bytes(format: AudioFormat) -> None:
    samples = voice_like(0.3)
    assert encode(samples, RATE, format) == encode(samples, RATE, format)
    assert streamed(samples, format) == streamed(samples, format)


@pytest.mark.parametrize("format", FORMATS)
def test_a_stream_gives_bytes_before_it_ends(format: AudioFormat) -> None:
    """After a second nearly a second of it is out: who listens need not wait for the end."""
    encoder = StreamEncoder(format, RATE)
    early = b"".join(encoder.push(voice_like(0.1)) for _ in range(10))
    assert len(decoded(early, format)) > 0.85 * RATE
    assert len(encoder.finish()) < 0.2 * len(early)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("rate", [8_000, 22_050, 32_000, 48_000])
def test_other_rates_keep_the_duration(format: AudioFormat, rate: int) -> None:
    samples = voice_like(0.5, rate)
    back = decoded(encode(samples, rate, format), format, rate)
    assert abs(len(back) - len(samples)) <= 0.06 * rate


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("length", [0, 1, 50])
def test_next_to_nothing_is_still_a_file(format: AudioFormat, length: int) -> None:
    samples = np.full(length, 0.1, np.float32)
    for content in (encode(samples, RATE, format), streamed(samples, format)):
        if length and format != "pcm":
            assert len(read_audio(content, RATE)) >= 1
        else:
            assert content or format == "pcm"


def test_a_wav_file_tells_its_length() -> None:
    with wave.open(io.BytesIO(encode(voice_like(0.5), RATE, "wav"))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate(), file.getnframes()) == (
            1,
            2,
            RATE,
            12_000,
        )


def test_a_wav_stream_says_that_its_length_is_not_known() -> None:
    content = streamed(voice_like(0.5), "wav")
    riff_size, data_size = struct.unpack_from("<I", content, 4)[0], struct.unpack_from("<I", content, 40)[0]
    assert riff_size == data_size == 0xFFFFFFFF
    assert content[44:] == encode(voice_like(0.5), RATE, "pcm")


def test_samples_are_scaled_by_one_fixed_gain_and_clipped() -> None:
    samples = np.array([0.0, 1.0, -1.0, 0.5, 3.0, -3.0, 1 / 32767], np.float32)
    assert np.frombuffer(encode(samples, RATE, "pcm"), "<i2").tolist() == [0, 32767, -32767, 16384, 32767, -32767, 1]
    quiet, loud = np.full(10, 0.01, np.float32), np.full(10, 0.9, np.float32)
    encoder = StreamEncoder("pcm", RATE)
    assert encoder.push(quiet) + encoder.push(loud) == encode(np.concatenate([quiet, loud]), RATE, "pcm")


@pytest.mark.parametrize("format", FORMATS)
def test_loud_samples_are_clipped_in_every_format(format: AudioFormat) -> None:
    back = decoded(encode(4 * voice_like(0.5), RATE, format), format)
    assert np.abs(back).max() < 1.6  # lossy codecs overshoot; what wraps around or is scaled is not like this
    assert np.sqrt(np.square(back).mean()) > 0.3


def test_what_is_not_one_channel() -> None:
    for wrong in (np.zeros((2, 100), np.float32), np.zeros((), np.float32)):
        with pytest.raises(InputError, match="expected one channel"):
            encode(wrong, RATE, "wav")
        with pytest.raises(InputError, match="expected one channel"):
            StreamEncoder("mp3", RATE).push(wrong)


def test_an_unknown_format() -> None:
    with pytest.raises(InputError, match="unknown audio format 'm4a'; known: wav, mp3, opus"):
        encode(voice_like(0.1), RATE, "m4a")  # type: ignore[arg-type]


def test_the_table_has_a_row_for_every_format_and_no_extension_twice() -> None:
    assert set(SPECS) == set(FORMATS)
    extensions = [extension for name in FORMATS for extension in spec_of(name).extensions]
    assert len(extensions) == len(set(extensions))


@pytest.mark.parametrize("format", get_args(AudioFormat))
def test_a_stream_may_be_closed_before_its_end_and_after_it(format: AudioFormat) -> None:
    encoder = StreamEncoder(format, 24_000)
    encoder.push(np.zeros(24_000, np.float32))
    encoder.close()
    encoder.close()
    whole = StreamEncoder(format, 24_000)
    assert whole.push(np.zeros(24_000, np.float32)) + whole.finish()
    whole.close()
