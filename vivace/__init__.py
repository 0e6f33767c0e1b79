"""Vivace: a text-to-speech engine. ``TTS().synthesize("Hello").save("hello.wav")`` is all it takes.

``__all__`` is the public API; docs/python.md lists it. Names are loaded when they are first used: ``import vivace``
costs no torch.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from vivace.moved import MovedModules
from vivace.version import __version__

if TYPE_CHECKING:
    from vivace.engine.sampler_state import SamplingParams
    from vivace.errors import (
        AbortedError,
        AudioDecodeError,
        ChecksumError,
        DeadlineError,
        DeviceError,
        EmptyTextError,
        EngineError,
        InputError,
        QueueFullError,
        SettingsError,
        TextTooLongError,
        TTSError,
        UnsafeFileError,
        UnsupportedLanguageError,
        VoiceNotFoundError,
        WeightsError,
        WeightsMismatchError,
        WeightsNotFoundError,
    )
    from vivace.pipeline.async_tts import AsyncTTS
    from vivace.pipeline.model_names import open_pool
    from vivace.pipeline.model_pool import ModelPool
    from vivace.pipeline.output import speak_to_file
    from vivace.pipeline.speech import AudioChunk, Speech, SpeechStats
    from vivace.pipeline.tts import TTS
    from vivace.settings import TTSConfig
    from vivace.text import DocumentOptions, Lexicon, Segmenter, explain, normalize, phones, plain_text, split
    from vivace.train.vocoder.config import VocoderTraining
    from vivace.train.vocoder.evaluate import evaluate_weights as evaluate_vocoder
    from vivace.train.vocoder.evaluate import summary as summarize_measures
    from vivace.train.vocoder.loop import train_vocoder
    from vivace.types import Progress
    from vivace.vocoder.chunked import ChunkedVocoder
    from vivace.vocoder.graphed import GraphedVocoder
    from vivace.vocoder.vocos import Vocos
    from vivace.voices.store import VoiceStore
    from vivace.voices.voice import Voice

__all__ = [
    "TTS",
    "AbortedError",
    "AsyncTTS",
    "AudioChunk",
    "AudioDecodeError",
    "ChecksumError",
    "ChunkedVocoder",
    "DeadlineError",
    "DeviceError",
    "DocumentOptions",
    "EmptyTextError",
    "EngineError",
    "GraphedVocoder",
    "InputError",
    "Lexicon",
    "ModelPool",
    "Progress",
    "QueueFullError",
    "SamplingParams",
    "Segmenter",
    "SettingsError",
    "Speech",
    "SpeechStats",
    "TTSConfig",
    "TTSError",
    "TextTooLongError",
    "UnsafeFileError",
    "UnsupportedLanguageError",
    "VocoderTraining",
    "Vocos",
    "Voice",
    "VoiceNotFoundError",
    "VoiceStore",
    "WeightsError",
    "WeightsMismatchError",
    "WeightsNotFoundError",
    "__version__",
    "evaluate_vocoder",
    "explain",
    "normalize",
    "open_pool",
    "phones",
    "plain_text",
    "speak_to_file",
    "split",
    "summarize_measures",
    "train_vocoder",
]

# Public name -> its module and its name there.
_HOMES = {
    "AbortedError": ("vivace.errors", "AbortedError"),
    "AsyncTTS": ("vivace.pipeline.async_tts", "AsyncTTS"),
    "AudioChunk": ("vivace.pipeline.speech", "AudioChunk"),
    "AudioDecodeError": ("vivace.errors", "AudioDecodeError"),
    "ChecksumError": ("vivace.errors", "ChecksumError"),
    "ChunkedVocoder": ("vivace.vocoder.chunked", "ChunkedVocoder"),
    "DeadlineError": ("vivace.errors", "DeadlineError"),
    "DeviceError": ("vivace.errors", "DeviceError"),
    "DocumentOptions": ("vivace.text", "DocumentOptions"),
    "EmptyTextError": ("vivace.errors", "EmptyTextError"),
    "EngineError": ("vivace.errors", "EngineError"),
    "GraphedVocoder": ("vivace.vocoder.graphed", "GraphedVocoder"),
    "InputError": ("vivace.errors", "InputError"),
    "Lexicon": ("vivace.text", "Lexicon"),
    "ModelPool": ("vivace.pipeline.model_pool", "ModelPool"),
    "Progress": ("vivace.types", "Progress"),
    "QueueFullError": ("vivace.errors", "QueueFullError"),
    "SamplingParams": ("vivace.engine.sampler_state", "SamplingParams"),
    "Segmenter": ("vivace.text", "Segmenter"),
    "SettingsError": ("vivace.errors", "SettingsError"),
    "Speech": ("vivace.pipeline.speech", "Speech"),
    "SpeechStats": ("vivace.pipeline.speech", "SpeechStats"),
    "TTS": ("vivace.pipeline.tts", "TTS"),
    "TTSConfig": ("vivace.settings", "TTSConfig"),
    "TTSError": ("vivace.errors", "TTSError"),
    "TextTooLongError": ("vivace.errors", "TextTooLongError"),
    "UnsafeFileError": ("vivace.errors", "UnsafeFileError"),
    "UnsupportedLanguageError": ("vivace.errors", "UnsupportedLanguageError"),
    "VocoderTraining": ("vivace.train.vocoder.config", "VocoderTraining"),
    "Vocos": ("vivace.vocoder.vocos", "Vocos"),
    "Voice": ("vivace.voices.voice", "Voice"),
    "VoiceNotFoundError": ("vivace.errors", "VoiceNotFoundError"),
    "VoiceStore": ("vivace.voices.store", "VoiceStore"),
    "WeightsError": ("vivace.errors", "WeightsError"),
    "WeightsMismatchError": ("vivace.errors", "WeightsMismatchError"),
    "WeightsNotFoundError": ("vivace.errors", "WeightsNotFoundError"),
    "evaluate_vocoder": ("vivace.train.vocoder.evaluate", "evaluate_weights"),
    "explain": ("vivace.text", "explain"),
    "normalize": ("vivace.text", "normalize"),
    "open_pool": ("vivace.pipeline.model_names", "open_pool"),
    "phones": ("vivace.text", "phones"),
    "plain_text": ("vivace.text", "plain_text"),
    "speak_to_file": ("vivace.pipeline.output", "speak_to_file"),
    "split": ("vivace.text", "split"),
    "summarize_measures": ("vivace.train.vocoder.evaluate", "summary"),
    "train_vocoder": ("vivace.train.vocoder.loop", "train_vocoder"),
}

sys.meta_path.append(MovedModules())


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'vivace' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return __all__
