"""Models whose speech is timed, behind the front door that users have."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from vivace.bench.random_checkpoint import write_random_checkpoint
from vivace.models.precision import PrecisionChoice
from vivace.pipeline.tts import TTS
from vivace.settings import TTSConfig

Subject = Literal["embedded", "chattts"]

NAMES: dict[Subject, str] = {"embedded": "embedded voice", "chattts": "ChatTTS's size, random weights"}


@contextmanager
def checkpoint(subject: Subject) -> Iterator[Path | None]:
    """Where the subject's files are: random ones are written for the time of the measurement. None: built in."""
    if subject == "embedded":
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="vivace-bench-") as folder:
        write_random_checkpoint(Path(folder), endless=True)
        yield Path(folder)


@contextmanager
def speaker(root: Path | None, precision: PrecisionChoice, config: TTSConfig) -> Iterator[TTS]:
    """A warm ``TTS`` of the checkpoint; results are never reused.

    Random weights say nothing right: nothing of theirs is spoken again.
    """
    check = config.check.model_copy(update={"retries": 0}) if root else config.check
    settings = config.model_copy(update={"precision": precision, "model": None, "check": check})
    with TTS(root, config=settings) as tts:
        tts.warm_up()
        yield tts
