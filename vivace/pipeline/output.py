"""Output: a file or stdout and its format, checked before synthesis, and speech that is written while it is made."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack, get_args

from vivace.audio.encode import StreamEncoder
from vivace.audio.files import AudioFileWriter, format_of
from vivace.audio.spec import AudioFormat
from vivace.errors import InputError
from vivace.pipeline.options import SpeakOptions
from vivace.pipeline.speech import AudioChunk, SpeechStats
from vivace.pipeline.tts import TTS, OnProgress, reporter
from vivace.runtime.process import give_back_free_memory


@dataclass(frozen=True)
class Output:
    """A file, or stdout when there is no path."""

    path: Path | None
    format: AudioFormat


def check_output(output: str, format: str | None = None) -> Output:
    """The file that ``output`` names: a path, or ``-`` for stdout (WAV unless ``format`` says otherwise).

    Raises:
        InputError: the format or the extension is unknown, or nothing can be written there.
    """
    known: dict[str, AudioFormat] = {name: name for name in get_args(AudioFormat)}
    if format is not None and format not in known:
        raise InputError(f"unknown format {format!r}; use one of {', '.join(known)}")
    if output == "-":
        return Output(None, known[format or "wav"])
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
    return Output(path, chosen)


def encode_chunks(chunks: Iterable[AudioChunk], format: AudioFormat) -> Iterator[bytes]:
    """The bytes of one file in ``format``, as the chunks come."""
    encoder: StreamEncoder | None = None
    for chunk in chunks:
        encoder = encoder or StreamEncoder(format, chunk.sample_rate)
        yield encoder.push(chunk.samples)
    if encoder is not None:
        yield encoder.finish()


TIDY_S = 30.0  # of audio


def speak_to_file(
    tts: TTS,
    text: str,
    path: str | Path,
    format: AudioFormat | None = None,
    *,
    progress: OnProgress | None = None,
    **options: Unpack[SpeakOptions],
) -> SpeechStats:
    """Speak ``text`` into a file, which appears when it is whole; it holds what ``tts.synthesize`` would give.

    The format follows the extension unless it is given. A result that is kept is used; this one is not kept.

    Raises: as ``TTS.synthesize``; InputError when the file cannot be written.
    """
    target = Path(path)
    chosen = format or format_of(target)
    listener = tts._core.listener(text, options, stream=False, share=False)
    fresh = 0  # samples since memory was given back
    with AudioFileWriter(target, tts.sample_rate, chosen) as file, closing(listener):
        for chunk in listener.iterate(reporter(progress, listener)):
            file.push(chunk.samples)
            fresh += len(chunk.samples)
            if fresh > TIDY_S * tts.sample_rate:
                give_back_free_memory()
                fresh = 0
    return listener.source.stats
