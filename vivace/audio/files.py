"""Reading recordings, whatever they are, and writing audio files whole or not at all."""

import io
from pathlib import Path

from vivace.audio.decode import decode
from vivace.audio.encode import one_channel
from vivace.audio.file_writer import AudioFileWriter
from vivace.audio.resample import Samples, resample
from vivace.audio.spec import EXTENSIONS, AudioFormat
from vivace.errors import AudioDecodeError, InputError


def format_of(path: Path) -> AudioFormat:
    """The format that a file name asks for. Raises: InputError when its extension is unknown."""
    found = EXTENSIONS.get(path.suffix.lower())
    if found is None:
        extension = f"unknown extension {path.suffix!r}" if path.suffix else "no extension"
        raise InputError(f"{extension} in {path.name!r}; use one of {', '.join(EXTENSIONS)}")
    return found


def read_audio(
    source: Path | bytes, sample_rate: int, *, min_seconds: float = 0.0, max_seconds: float = 60.0
) -> Samples:
    """A recording as mono samples ``[N]``, float32, at ``sample_rate`` Hz. Channels are averaged.

    Args:
        source: a file, or the content of one: WAV, FLAC, MP3, Ogg (Opus, Vorbis), AAC, MP4, WebM, AIFF.
        max_seconds: decoding stops there; a small file may unpack to any length.
    Raises:
        AudioDecodeError: it is missing, unreadable, no audio, empty, shorter or longer than allowed.
    """
    samples, rate = read_recording(source, max_seconds=max_seconds)
    seconds = len(samples) / rate
    if seconds < min_seconds:
        name = _called(source)
        raise AudioDecodeError(f"{name} lasts {seconds:.2f} s; give a recording of at least {min_seconds:g} s")
    return resample(samples, rate, sample_rate)


def read_recording(source: Path | bytes, *, max_seconds: float = 60.0) -> tuple[Samples, int]:
    """The same at the rate it was recorded with: samples and Hz. Raises: as ``read_audio``."""
    name = _called(source)
    try:
        with source.open("rb") if isinstance(source, Path) else io.BytesIO(source) as file:
            return decode(file, name, max_seconds=max_seconds)
    except FileNotFoundError as exc:
        raise AudioDecodeError(f"no recording {name!r}; check the path") from exc
    except IsADirectoryError as exc:
        raise AudioDecodeError(f"{name!r} is a folder; name a recording in it") from exc
    except OSError as exc:
        raise AudioDecodeError(f"cannot read {name!r} ({exc.strerror or exc}); check its permissions") from exc


def _called(source: Path | bytes) -> str:
    return str(source) if isinstance(source, Path) else "the recording"


def write_audio(path: Path, samples: Samples, sample_rate: int, format: AudioFormat | None = None) -> None:
    """Write ``[N]`` samples; the format follows the extension unless it is given. A failure leaves nothing behind.

    Raises:
        InputError: the extension or format is unknown, or the file cannot be written there.
    """
    with AudioFileWriter(path, sample_rate, format or format_of(path)) as file:
        file.push(one_channel(samples))
