"""Samples to the bytes of an audio file, whole or as a stream, through PyAV where the format needs it."""

import struct
from typing import TYPE_CHECKING, Protocol

import numpy as np

from vivace.audio.resample import Samples, StreamResampler
from vivace.audio.spec import AudioSpec

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.container.output import OutputContainer
import io

from vivace.audio.spec import AudioFormat, spec_of
from vivace.errors import InputError

UNKNOWN_SIZE = 0xFFFFFFFF  # of a stream whose end is not known yet; players then read until it ends
BYTES_PER_SAMPLE = 2
PCM = 1  # format tag


def wav_header(sample_rate: int, num_samples: int | None = None) -> bytes:
    """44 bytes that stand before the samples; ``None`` samples: a stream of unknown length."""
    data_size = UNKNOWN_SIZE if num_samples is None else num_samples * BYTES_PER_SAMPLE
    riff_size = UNKNOWN_SIZE if num_samples is None else data_size + 36
    format_chunk = struct.pack(
        "<4sIHHIIHH", b"fmt ", 16, PCM, 1, sample_rate, sample_rate * BYTES_PER_SAMPLE, BYTES_PER_SAMPLE, 16
    )
    return struct.pack("<4sI4s", b"RIFF", riff_size, b"WAVE") + format_chunk + struct.pack("<4sI", b"data", data_size)


MAX_INT16 = 32767


class Sink(Protocol):
    """Where the bytes go. With ``seek`` and ``tell`` headers are completed at the end; without, they stay open."""

    def write(self, data: bytes, /) -> int: ...


class Muxer:
    """Encodes mono samples as they come into a container."""

    def __init__(self, spec: AudioSpec, sample_rate: int, sink: Sink, *, stream: bool) -> None:
        import av
        from av.audio.stream import AudioStream

        assert spec.codec is not None, "16-bit samples that are written as they are need no muxer"
        self._rate = spec.sample_rate or sample_rate
        self._resampler = StreamResampler(sample_rate, self._rate)
        self._lossless = spec.bit_rate is None
        # bitexact: no library versions, and no random stream numbers, so that equal samples give equal files.
        options = {"fflags": "bitexact", **(dict(spec.stream_options) if stream else {})}
        container = av.open(sink, "w", format=spec.container, options=options)
        track = container.add_stream(spec.codec, rate=self._rate, options=dict(spec.options))
        assert isinstance(track, AudioStream)
        track.layout = "mono"
        if spec.bit_rate is not None:
            track.bit_rate = spec.bit_rate
        self._open: tuple[OutputContainer, AudioStream] | None = (container, track)
        self._pushed = 0  # samples, at the container's rate

    def push(self, samples: Samples) -> None:
        """Encode ``[N]`` float32 samples; what lies beyond -1..1 is clipped."""
        self._encode(self._resampler.push(samples))

    def finish(self) -> None:
        """Encode what is left and close the container. Nothing may be pushed after it."""
        self._encode(self._resampler.push(np.zeros(0, np.float32), last=True))
        if self._pushed == 0:
            self._encode(np.zeros(1, np.float32))  # no encoder writes a file that a player opens out of nothing
        self._mux(None)
        self.close()

    def close(self) -> None:
        """Give back the encoder's memory and threads, finished or not; may be called again.

        The container and its track refer to each other: left alone they wait for the garbage collector.
        """
        if self._open is not None:
            container, _ = self._open
            self._open = None
            container.close()

    def _encode(self, samples: Samples) -> None:
        import av

        if samples.size == 0:
            return
        self._pushed += samples.size
        if self._lossless:
            frame = av.AudioFrame.from_ndarray(to_pcm16(samples)[None], format="s16", layout="mono")
        else:
            frame = av.AudioFrame.from_ndarray(np.clip(samples, -1.0, 1.0)[None], format="flt", layout="mono")
        frame.sample_rate = self._rate
        self._mux(frame)

    def _mux(self, frame: "AudioFrame | None") -> None:
        """None: what the encoder still has."""
        assert self._open is not None, "nothing may be pushed after the end"
        container, track = self._open
        for packet in track.encode(frame):
            container.mux(packet)


def to_pcm16(samples: Samples) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """Float -1..1 to 16-bit integers with one fixed gain; what lies beyond is clipped.

    Never scaled by what a chunk holds: chunks of a stream would jump in loudness.
    """
    return np.rint(np.clip(samples, -1.0, 1.0) * MAX_INT16).astype("<i2")


def encode(samples: Samples, sample_rate: int, format: AudioFormat | AudioSpec = "wav") -> bytes:
    """A whole file.

    Args:
        samples: ``[N]`` float32 in -1..1 at ``sample_rate`` Hz; what lies beyond is clipped.
    Raises:
        InputError: the format is unknown, or ``samples`` is not one channel.
    """
    spec = format if isinstance(format, AudioSpec) else spec_of(format)
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
    """A buffer for written bytes. It cannot be rewound, so it has no ``seek``."""

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
