"""Every error a caller can meet, in one tree.

::

    TTSError
    ├── InputError            the caller can fix it                        HTTP 4xx  exit 2
    │   ├── EmptyTextError            nothing to speak is left
    │   ├── TextTooLongError          more text than one request may carry
    │   ├── UnsupportedLanguageError  the model or the voice does not speak it
    │   ├── VoiceNotFoundError        no voice of that name
    │   └── AudioDecodeError          a recording that cannot be used
    ├── SettingsError         unknown or contradictory settings                      exit 2
    ├── WeightsError          model files                                            exit 3
    │   ├── WeightsNotFoundError      nothing at that path or hub address
    │   ├── ChecksumError             a file is not the one that was published
    │   ├── WeightsMismatchError      tensors missing, unexpected or misshapen
    │   └── UnsafeFileError           a pickle, where only safetensors may be
    ├── DeviceError           device missing or too small                  HTTP 503  exit 4
    └── EngineError           while running                                HTTP 500  exit 5

A message is one line: what is wrong, which value, what to do next.
"""


class TTSError(Exception):
    """Root of the tree: catch this to catch everything Vivace raises on purpose."""

    exit_code: int = 1


class InputError(TTSError, ValueError):
    """The request cannot be served as it is; the caller can fix it."""

    exit_code = 2


class EmptyTextError(InputError):
    """Nothing speakable is left of the text."""


class TextTooLongError(InputError):
    """The text is longer than one request may carry."""


class UnsupportedLanguageError(InputError):
    """The model or the voice does not speak the language."""


class VoiceNotFoundError(InputError):
    """No voice of that name."""


class AudioDecodeError(InputError):
    """A recording is missing, unreadable, silent, too short or too long."""


class SettingsError(TTSError, ValueError):
    """A setting is unknown, contradictory, or needs a part that is not installed."""

    exit_code = 2


class WeightsError(TTSError):
    """Model files cannot be used."""

    exit_code = 3


class WeightsNotFoundError(WeightsError):
    """No checkpoint at that path or hub address."""


class ChecksumError(WeightsError):
    """A file's sha256 is not the published one."""


class WeightsMismatchError(WeightsError):
    """Tensors are missing, unexpected or misshapen; the message lists all of them."""


class UnsafeFileError(WeightsError):
    """A pickle where only safetensors may be loaded."""


class DeviceError(TTSError):
    """The device is missing or too small."""

    exit_code = 4


class EngineError(TTSError):
    """Synthesis itself failed."""

    exit_code = 5


class QueueFullError(EngineError):
    """Too many requests wait already; the same request may be sent again later."""


class DeadlineError(EngineError):
    """The request's time ran out before it was done."""


class AbortedError(EngineError):
    """The listener has gone, or the engine is closing."""
