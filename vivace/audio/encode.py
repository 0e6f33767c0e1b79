"""Samples to the bytes of a file, whole or as a stream."""

import io

import numpy as np

from vivace.audio.muxer import Muxer, to_pcm16
from vivace.audio.resample import Samples
from vivace.audio.spec import AudioFormat, AudioSpec, spec_of
from vivace.audio.wav_header import wav_header
from vivace.errors import InputError


def encode(samples: Samples, sample_rate: int, format: AudioFormat = "wav") -> bytes:
    """A whole file.

    Args:
        samples: ``[N]`` float32 in -1..1 at ``sample_rate`` Hz; what lies beyond is clipped.
    Raises:
        InputError: the format is unknown, or ``samples`` is not one channel.
    """
    spec = spec_of(format)
    mono = one_channel(samples)
    if spec.container is None:
        header = wav_header(sample_rate, len(mono)) if format == "wav" else b""
        return header + to_pcm16(mono).tobytes()
    file = io.BytesIO()  # it can be rewound, so that the header tells the true length
    muxer = Muxer(spec, sample_rate, file, stream=False)
    muxer.push(mono)
    muxer.finish()
    return file.getvalue()


class StreamEncoder:
    """A file in parts: ``push`` gives the bytes that are ready, ``finish`` the last ones.

    Joined they are a file with the same samples as a whole one; only its header does not tell their number.
    """

    def __init__(self, format: AudioFormat | AudioSpec, sample_rate: int) -> None:
        spec = format if isinstance(format, AudioSpec) else spec_of(format)
        self._outlet = _Outlet()
        self._muxer = Muxer(spec, sample_rate, self._outlet, stream=True) if spec.container else None
        if format == "wav":
            self._outlet.write(wav_header(sample_rate))

    def push(self, samples: Samples) -> bytes:
        """Encode ``[N]`` samples. Raises: InputError when they are not one channel."""
        mono = one_channel(samples)
        if self._muxer is None:
            self._outlet.write(to_pcm16(mono).tobytes())
        else:
            self._muxer.push(mono)
        return self._outlet.take()

    def finish(self) -> bytes:
        """The rest of the file. Nothing may be pushed after it."""
        if self._muxer is not None:
            self._muxer.finish()
        return self._outlet.take()

    def close(self) -> None:
        """Give back what the encoder holds, when the rest of the file is not wanted any more; may be called again."""
        if self._muxer is not None:
            self._muxer.close()


class _Outlet:
    """Collects what is written until somebody takes it; it cannot be rewound, and says so by having no ``seek``."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def write(self, data: bytes, /) -> int:
        self._waiting += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken


def one_channel(samples: Samples) -> Samples:
    """Samples ``[N]`` as float32. Raises: InputError when they are of several channels."""
    mono = np.asarray(samples, np.float32)
    if mono.ndim != 1:
        raise InputError(f"expected one channel [N], got samples of shape {list(mono.shape)}; mix or pick a channel")
    return mono
