"""An audio file that is written while its samples come, and appears whole or not at all."""

import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from vivace.audio.muxer import Muxer, to_pcm16
from vivace.audio.resample import Samples
from vivace.audio.spec import AudioFormat, spec_of
from vivace.audio.wav_header import wav_header
from vivace.errors import InputError


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
