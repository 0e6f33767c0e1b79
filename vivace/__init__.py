"""Vivace: a text-to-speech engine. ``TTS().synthesize("Hello").save("hello.wav")`` is all it takes.

Names are loaded when they are first used: ``import vivace`` costs no torch.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from vivace.errors import TTSError
from vivace.moved import MovedModules
from vivace.version import __version__

if TYPE_CHECKING:
    from vivace.pipeline.speech import AudioChunk, Speech, SpeechStats
    from vivace.pipeline.tts import TTS
    from vivace.settings import TTSConfig
    from vivace.types import Progress
    from vivace.voices.store import VoiceStore
    from vivace.voices.voice import Voice

__all__ = [
    "TTS",
    "AudioChunk",
    "Progress",
    "Speech",
    "SpeechStats",
    "TTSConfig",
    "TTSError",
    "Voice",
    "VoiceStore",
    "__version__",
]

_HOMES = {
    "TTS": "vivace.pipeline.tts",
    "AudioChunk": "vivace.pipeline.speech",
    "Progress": "vivace.types",
    "Speech": "vivace.pipeline.speech",
    "SpeechStats": "vivace.pipeline.speech",
    "TTSConfig": "vivace.settings",
    "Voice": "vivace.voices.voice",
    "VoiceStore": "vivace.voices.store",
}

sys.meta_path.append(MovedModules())


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'vivace' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
