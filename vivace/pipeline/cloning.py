"""A voice from a recording of somebody and the words that are said in it (zero-shot)."""

from pathlib import Path

from vivace.audio.files import read_audio
from vivace.audio.level import require_speech
from vivace.errors import InputError
from vivace.pipeline.stages import ChatTTSStages
from vivace.pipeline.voices import Voice
from vivace.text import normalize

MIN_RECORDING_S = 1.0


def checked_transcript(stages: ChatTTSStages, transcript: str) -> str:
    """The transcript as it is spoken. Raises: InputError when it is empty, or the model cannot listen."""
    stages.require_ears()
    spoken = normalize(transcript).strip()
    if not spoken:
        raise InputError("a recording needs its transcript: write exactly what is said in it")
    return spoken


def listen_to(stages: ChatTTSStages, recording: Path | bytes, transcript: str, max_seconds: float) -> Voice:
    """The voice in a recording. Raises: AudioDecodeError when it cannot be read, is silent, too short or too long."""
    samples = read_audio(recording, stages.sample_rate, min_seconds=MIN_RECORDING_S, max_seconds=max_seconds)
    require_speech(samples, stages.sample_rate)
    return Voice("clone", prompt_codes=stages.listen(samples), transcript=transcript)
