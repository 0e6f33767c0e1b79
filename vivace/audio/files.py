"""Reading recordings of any kind, and writing audio files whole or not at all."""

import io
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from vivace.audio.decode import decode
from vivace.audio.encode import Muxer, one_channel, to_pcm16, wav_header
from vivace.audio.resample import Samples, resample
from vivace.audio.spec import EXTENSIONS, AudioFormat, spec_of
from vivace.errors import AudioDecodeError, InputError


class AudioFileWriter:
    """``with AudioFileWriter(path, rate, format) as file: file.push(samples)``: memory does not grow with its length.

    The header tells the true length, as that of a file written at once. An error inside leaves nothing behind, and what
    was there before as it was.

    Raises:
        InputError: the format is unknown, or the file cannot be written there; at once, or when the disk is full.
    """

    def __init__(self, path: Path, sample_rate: int, format: AudioFormat) -> None:
        self._path, self._rate, self._format, self._spec = path, sample_rate, format, spec_of(format)
        self._target = Path(os.path.realpath(path))  # through a link: the file it points to is replaced, not the link
        self._part = self._target.with_name(f".vivace-{secrets.token_hex(6)}.part")
        self._file: BinaryIO | None = None
        self._muxer: Muxer | None = None
        self._samples = 0

    def __enter__(self) -> Self:
        target = self._target
        if not target.parent.is_dir():
            raise InputError(
                f"cannot write {str(self._path)!r}: there is no folder {str(self._path.parent)!r}; make it first"
            )
        try:
            if target.exists() and not target.is_file():
                kind = "a folder" if target.is_dir() else "not a regular file"
                raise InputError(f"cannot write {str(self._path)!r}: it is {kind}; name a file")
            self._file = self._part.open("xb")
            if self._spec.container is not None:
                self._muxer = Muxer(self._spec, self._rate, self._file, stream=False)
            elif self._format == "wav":
                self._file.write(wav_header(self._rate, 0))
        except OSError as exc:
            self._discard()
            raise self._failed(exc) from exc
        return self

    def push(self, samples: Samples) -> None:
        """Write ``[N]`` samples, float32 in -1..1; what lies beyond is clipped."""
        assert self._file is not None, "only within the with block"
        try:
            if self._muxer is not None:
                self._muxer.push(samples)
            else:
                self._file.write(to_pcm16(samples).tobytes())
        except OSError as exc:
            raise self._failed(exc) from exc
        self._samples += len(samples)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None:
                self._finish()
        except OSError as exc:
            raise self._failed(exc) from exc
        finally:
            self._discard()

    def _finish(self) -> None:
        assert self._file is not None
        if self._muxer is not None:
            self._muxer.finish()
        elif self._format == "wav":
            self._file.seek(0)
            self._file.write(wav_header(self._rate, self._samples))
        self._file.close()
        self._part.replace(self._target)

    def _discard(self) -> None:
        if self._file is not None:
            self._file.close()
        self._part.unlink(missing_ok=True)

    def _failed(self, exc: OSError) -> InputError:
        return InputError(f"cannot write {str(self._path)!r} ({exc.strerror or exc}); choose another place")


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
