"""Where a result goes: a file or a pipe, and in which format. Looked at before any synthesis starts."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vivace.audio.encode import StreamEncoder
from vivace.audio.files import format_of
from vivace.audio.spec import AudioFormat
from vivace.errors import InputError
from vivace.pipeline.streaming import AudioChunk


@dataclass(frozen=True)
class Target:
    """A file, or stdout when there is no path."""

    path: Path | None
    format: AudioFormat


def check_target(output: str, format: AudioFormat | None = None) -> Target:
    """The target that ``output`` names: a path, or ``-`` for stdout (WAV unless ``format`` says otherwise).

    Raises:
        InputError: the extension is unknown, or nothing can be written there.
    """
    if output == "-":
        return Target(None, format or "wav")
    path = Path(output)
    chosen = format or format_of(path)
    folder = path.parent
    if path.is_dir():
        raise InputError(f"{output!r} is a folder; name a file in it, such as {str(path / 'out.wav')!r}")
    if not folder.is_dir():
        raise InputError(f"no folder {str(folder)!r} to write {path.name!r} into; make it, or choose another")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as exc:
        raise InputError(f"cannot write into {str(folder)!r}: {exc.strerror}; choose another folder with -o") from exc
    if path.exists() and not os.access(path, os.W_OK):
        raise InputError(f"cannot overwrite {output!r}: it is read-only; choose another file with -o")
    return Target(path, chosen)


def encoded(chunks: Iterable[AudioChunk], format: AudioFormat) -> Iterator[bytes]:
    """The bytes of one file in ``format``, as the chunks come."""
    encoder: StreamEncoder | None = None
    for chunk in chunks:
        encoder = encoder or StreamEncoder(format, chunk.sample_rate)
        yield encoder.push(chunk.samples)
    if encoder is not None:
        yield encoder.finish()
