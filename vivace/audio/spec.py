"""The audio formats that are written, as a table."""

from dataclasses import dataclass
from typing import Literal, get_args

from vivace.errors import InputError

AudioFormat = Literal["wav", "mp3", "opus", "aac", "flac", "pcm"]


@dataclass(frozen=True)
class AudioSpec:
    """How one format is written. All are mono."""

    extensions: tuple[str, ...]  # the usual one first
    media_type: str
    container: str | None = None  # FFmpeg's names of container and codec; None: 16-bit samples, written as they are
    codec: str | None = None
    options: tuple[tuple[str, str], ...] = ()  # of the codec
    bit_rate: int | None = None  # bits per second; None: lossless
    sample_rate: int | None = None  # Hz, resampled to it; None: that of the samples
    stream_options: tuple[tuple[str, str], ...] = ()  # of the container, for streams


# In microseconds. An Ogg page of a file holds a second, and would not leave before it is full.
OGG_PAGES_OF_ONE_PACKET = (("page_duration", "20000"),)

# Lossy formats run at 48 kHz. Opus knows no other rate. At 24 kHz a frame of MP3 or AAC lasts twice as long, and so
# does the silence that its encoder puts around the sound (up to 85 ms; at 48 kHz less than 50 ms).
SPECS: dict[AudioFormat, AudioSpec] = {
    "wav": AudioSpec((".wav",), "audio/wav"),
    "mp3": AudioSpec((".mp3",), "audio/mpeg", "mp3", "libmp3lame", (("compression_level", "7"),), 96_000, 48_000),
    "opus": AudioSpec((".opus", ".ogg"), "audio/ogg", "ogg", "libopus", (), 64_000, 48_000, OGG_PAGES_OF_ONE_PACKET),
    "aac": AudioSpec((".aac",), "audio/aac", "adts", "aac", (), 96_000, 48_000),
    "flac": AudioSpec((".flac",), "audio/flac", "flac", "flac"),
    "pcm": AudioSpec((".pcm", ".raw"), "audio/pcm"),  # signed 16-bit, little-endian, no header
}
EXTENSIONS: dict[str, AudioFormat] = {ext: name for name, spec in SPECS.items() for ext in spec.extensions}


def spec_of(format: AudioFormat) -> AudioSpec:
    """The row of a format. Raises: InputError when there is none."""
    if format not in SPECS:
        raise InputError(f"unknown audio format {format!r}; known: {', '.join(get_args(AudioFormat))}")
    return SPECS[format]
