"""Speech straight into a file: what was said is written and forgotten; a book takes no more memory than a page."""

from contextlib import closing
from pathlib import Path
from typing import Unpack

from vivace.audio.files import AudioFileWriter, format_of
from vivace.audio.spec import AudioFormat
from vivace.pipeline.options import SpeakOptions
from vivace.pipeline.speech import SpeechStats
from vivace.pipeline.tts import TTS, OnProgress, reporter
from vivace.runtime.process import give_back_free_memory

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
