"""Compressed audio through FFmpeg's libraries (PyAV)."""

from typing import TYPE_CHECKING, Protocol

import numpy as np

from vivace.audio.resample import Samples, StreamResampler
from vivace.audio.spec import AudioSpec

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.container.output import OutputContainer

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
