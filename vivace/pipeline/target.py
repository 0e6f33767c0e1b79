"""Where a result goes: a file or a pipe, and in which format. Looked at before any synthesis starts."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from vivace.audio.encode import StreamEncoder
from vivace.audio.files import format_of
from vivace.audio.spec import AudioFormat
from vivace.errors import InputError
from vivace.pipeline.speech import AudioChunk


@dataclass(frozen=True)
class Target:
    """A file, or stdout when there is no path."""

    path: Path | None
    format: AudioFormat


def check_target(output: str, format: str | None = None) -> Target:
    """The target that ``output`` names: a path, or ``-`` for stdout (WAV unless ``format`` says otherwise).

    Raises:
        InputError: the format or the extension is unknown, or nothing can be written there.
    """
    known: dict[str, AudioFormat] = {name: name for name in get_args(AudioFormat)}
    if format is not None and format not in known:
        raise InputError(f"unknown format {format!r}; use one of {', '.join(known)}")
    if output == "-":
        return Target(None, known[format or "wav"])
    path = Path(output)
    chosen = known[format] if format else format_of(path)
    if os.path.exists(path) and not path.is_file():
        raise InputError(f"{output!r} is not a file to write into; name one, such as 'out.wav', or use - for stdout")
    if not os.path.isdir(path.parent):
        raise InputError(f"no folder {str(path.parent)!r} to write {path.name!r} into; make it, or choose another")
    try:
        path.exists()  # raises where the name is too long for the file system
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as exc:
        raise InputError(
            f"cannot write {output[:200]!r} ({exc.strerror or exc}); choose another place with -o"
        ) from exc
    return Target(path, chosen)


def encoded(chunks: Iterable[AudioChunk], format: AudioFormat) -> Iterator[bytes]:
    """The bytes of one file in ``format``, as the chunks come."""
    encoder: StreamEncoder | None = None
    for chunk in chunks:
        encoder = encoder or StreamEncoder(format, chunk.sample_rate)
        yield encoder.push(chunk.samples)
    if encoder is not None:
        yield encoder.finish()
