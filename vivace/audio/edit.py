"""Cutting, fading, joining and stretching samples. All take and return one channel, ``[N]`` float32."""

import math
from collections.abc import Sequence

import numpy as np

from vivace.audio.level import levels
from vivace.audio.resample import Samples
from vivace.errors import InputError

SPEEDS = (0.25, 4.0)  # slowest, fastest: what OpenAI's speech API takes
ATEMPO_STEP = 2.0  # one filter changes the tempo by this factor at most, or it skips samples
STRETCH_TAIL_S = 0.2  # the filters keep back up to two of their windows


def change_speed(samples: Samples, sample_rate: int, speed: float) -> Samples:
    """Speak faster or slower at the same pitch (FFmpeg's ``atempo``, overlap-add of similar waveforms).

    Args:
        speed: 0.25 to 4; at 1 the same array comes back.
    Returns:
        ``[round(N / speed)]``.
    Raises:
        InputError: the speed is out of range.
    """
    slowest, fastest = SPEEDS
    if not slowest <= speed <= fastest:
        raise InputError(f"speed {speed} is out of range; give one from {slowest} to {fastest}")
    if speed == 1.0 or len(samples) == 0:
        return samples
    steps = math.ceil(abs(math.log(speed, ATEMPO_STEP)))
    tail = silence(STRETCH_TAIL_S * max(1.0, speed), sample_rate)
    stretched = _atempo(np.concatenate([samples, tail]), sample_rate, [speed ** (1 / steps)] * steps)
    return stretched[: round(len(samples) / speed)]


def _atempo(samples: Samples, sample_rate: int, factors: Sequence[float]) -> Samples:
    import av
    from av.filter import Graph

    graph = Graph()
    nodes = [graph.add_abuffer(sample_rate=sample_rate, format="flt", layout="mono")]
    nodes += [graph.add("atempo", f"{factor:.9f}") for factor in factors]
    nodes.append(graph.add("abuffersink"))
    graph.link_nodes(*nodes).configure()
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None], np.float32), format="flt", layout="mono")
    frame.sample_rate = sample_rate
    graph.push(frame)
    graph.push(None)
    parts = []
    while True:
        try:
            parts.append(graph.pull().to_ndarray()[0])
        except EOFError:
            return np.concatenate(parts)


def silence(seconds: float, sample_rate: int) -> Samples:
    """Zeros."""
    return np.zeros(round(seconds * sample_rate), np.float32)


def trim_silence(samples: Samples, sample_rate: int, *, threshold_dbfs: float = -50.0, keep_s: float = 0.05) -> Samples:
    """Without the silence at both ends, but for ``keep_s`` of it. What is silent throughout becomes empty."""
    window_s = 0.01
    loud = np.flatnonzero(levels(samples, sample_rate, window_s) > threshold_dbfs)
    if len(loud) == 0:
        return samples[:0]
    window, keep = round(window_s * sample_rate), round(keep_s * sample_rate)
    return samples[max(0, int(loud[0]) * window - keep) : (int(loud[-1]) + 1) * window + keep]


def fade_edges(samples: Samples, sample_rate: int, seconds: float = 0.005) -> Samples:
    """A copy that rises from zero and falls back to it, so that a cut makes no click."""
    faded = np.array(samples, np.float32)
    length = min(round(seconds * sample_rate), len(faded) // 2)
    ramp = np.sin(np.linspace(0, math.pi / 2, length, dtype=np.float32)) ** 2
    faded[:length] *= ramp
    faded[len(faded) - length :] *= ramp[::-1]
    return faded


def join_with_pauses(pieces: Sequence[Samples], pauses_s: Sequence[float], sample_rate: int) -> Samples:
    """All pieces in a row; ``pauses_s[i]`` seconds of silence follow piece ``i``, none follows the last."""
    assert len(pauses_s) == max(0, len(pieces) - 1), "one pause between each two pieces"
    parts: list[Samples] = [silence(0, sample_rate)]
    for i, piece in enumerate(pieces):
        parts.append(piece)
        if i < len(pauses_s):
            parts.append(silence(pauses_s[i], sample_rate))
    return np.concatenate(parts)
