"""Compressed or plain recordings to samples, by FFmpeg's libraries (PyAV). What comes in is not trusted."""

# C channels, N samples

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from vivace.audio.resample import Samples
from vivace.errors import AudioDecodeError

if TYPE_CHECKING:
    from av.container import InputContainer

MAX_CHANNELS = 8
SAMPLE_RATES = range(4_000, 384_001)  # Hz
BAD_PACKETS = 0.05  # share that may be undecodable, besides one

# Containers that hold audio themselves. Playlists (HLS, concat, DASH) are not among them: they make the library
# open whatever other files and addresses they name.
CONTAINERS = "wav,w64,aiff,au,caf,flac,mp3,aac,ogg,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,amr,asf"
CANCELED = 1e-4  # of the energy of a channel: a mean with less is that of channels that cancel
ADVICE = "give a WAV, FLAC, MP3, Ogg, AAC, MP4 or WebM recording"


def decode(file: BinaryIO, name: str, *, max_seconds: float) -> tuple[Samples, int]:
    """The first audio stream of ``file`` as one channel: samples ``[N]`` float32, and their rate in Hz.

    Channels are averaged; the first one is taken where they cancel.

    Args:
        name: what messages call the file.
        max_seconds: decoding stops as soon as there is more.
    Raises:
        AudioDecodeError: no audio that can be read, none at all, more than ``max_seconds``, or an absurd layout.
    """
    with _opened(file, name) as container:
        rate = _checked_rate(container, name)
        limit = int(max_seconds * rate)
        parts: list[Samples] = []
        total = 0
        firsts: list[Samples] = []  # of the first channel, where there are several
        for frame in _frames(container):
            parts.append(frame.mean(axis=1, dtype=np.float32))
            if frame.shape[1] > 1:
                firsts.append(frame[:, 0].copy())
            total += len(frame)
            if total > limit:
                raise AudioDecodeError(f"{name} lasts more than {max_seconds:g} s; cut it to the part you need")
    if total == 0:
        raise AudioDecodeError(f"{name} holds no sound: it lasts 0 s; {ADVICE}")
    samples = np.concatenate(parts)
    if firsts:
        first = np.concatenate(firsts)
        if np.dot(samples, samples) < CANCELED * np.dot(first, first):
            samples = first  # one channel is the other one inverted: their mean is silence
    if not np.isfinite(samples).all():  # files of floats may hold anything
        raise AudioDecodeError(f"{name} is damaged: it has samples that are no numbers; {ADVICE}")
    return samples, rate


def layout(file: BinaryIO, name: str) -> tuple[int, int]:
    """Channels and rate in Hz of the first audio stream, as its header has them; nothing is decoded.

    Raises: AudioDecodeError: as ``decode``.
    """
    with _opened(file, name) as container:
        rate = _checked_rate(container, name)
        return container.streams.audio[0].channels, rate


@contextmanager
def _opened(file: BinaryIO, name: str) -> "Iterator[InputContainer]":
    """``file``, and nothing that it names. What FFmpeg finds wrong within becomes an AudioDecodeError."""
    import av

    try:
        options = {"format_whitelist": CONTAINERS, "protocol_whitelist": ""}
        with av.open(file, "r", options=options, metadata_errors="ignore") as container:  # tags in any encoding
            yield container
    except AudioDecodeError:
        raise
    except (av.FFmpegError, ValueError) as exc:  # ValueError: the layout changes on the way
        reason = getattr(exc, "strerror", None) or exc
        raise AudioDecodeError(f"{name} is damaged or no audio ({reason}); {ADVICE}") from exc


def _checked_rate(container: "InputContainer", name: str) -> int:
    if not container.streams.audio:
        raise AudioDecodeError(f"{name} has no audio in it; {ADVICE}")
    stream = container.streams.audio[0]
    if stream.codec_context is None:  # the container names an unknown codec
        raise AudioDecodeError(f"{name} is damaged, or in a format that cannot be decoded; {ADVICE}")
    if not 1 <= stream.channels <= MAX_CHANNELS:
        raise AudioDecodeError(f"{name} has {stream.channels} channels; give one with at most {MAX_CHANNELS}")
    if stream.rate not in SAMPLE_RATES:
        raise AudioDecodeError(f"{name} has {stream.rate} samples per second; give one with 8,000 to 192,000")
    return stream.rate


def _frames(container: "InputContainer") -> Iterator[NDArray[np.float32]]:
    """Frames ``[N, C]`` of the first audio stream."""
    import av

    # Changes the sample format only. Interleaved: PyAV reads beyond the planes of a frame of eight channels.
    as_float = av.AudioResampler(format="flt")
    packets = bad = 0
    for packet in container.demux(container.streams.audio[0]):
        packets += 1
        try:
            frames = packet.decode()
        except av.FFmpegError:  # the first or last packet of a cut file; players skip them, too
            bad += 1
            if bad > 1 + BAD_PACKETS * packets:
                raise
            continue
        for frame in frames:
            for converted in as_float.resample(frame):
                interleaved = converted.to_ndarray().reshape(-1, len(converted.layout.channels))  # [1, N * C] -> [N, C]
                yield np.asarray(interleaved, np.float32)
