"""Faster or slower at the same pitch, while the samples come in. Takes and returns one channel, ``[N]`` float32."""

import math

import numpy as np

from vivace.audio.resample import Samples
from vivace.errors import InputError
from vivace.types import MAX_SPEED, MIN_SPEED

ATEMPO_STEP = 2.0  # one filter changes the tempo by this factor at most, or it skips samples
STRETCH_TAIL_S = 0.2  # the filters keep back up to two of their windows


class StreamingTempo:
    """FFmpeg's ``atempo`` (overlap-add of similar waveforms); however the samples are cut, the same come out.

    Args:
        sample_rate: Hz.
        speed: 0.25 to 4; at 1 samples go straight through.
    Raises:
        InputError: the speed is out of range.
    """

    def __init__(self, sample_rate: int, speed: float) -> None:
        if not MIN_SPEED <= speed <= MAX_SPEED:
            raise InputError(f"speed {speed} is out of range; give one from {MIN_SPEED} to {MAX_SPEED}")
        self._rate, self._speed = sample_rate, speed
        self._taken = self._given = 0
        self._graph = None if speed == 1 else _graph(sample_rate, speed)

    def push(self, samples: Samples) -> Samples:
        """The samples that are final after ``samples`` were added."""
        self._taken += len(samples)
        if self._graph is None or len(samples) == 0:
            return samples
        self._feed(samples)
        ready = self._pull()
        self._given += len(ready)
        return ready

    def finish(self) -> Samples:
        """The rest: together ``round(N / speed)`` samples. Not to be used afterwards."""
        if self._graph is None or not self._taken:
            return np.zeros(0, np.float32)
        self._feed(np.zeros(round(STRETCH_TAIL_S * max(1.0, self._speed) * self._rate), np.float32))
        self._graph.push(None)
        return self._pull()[: max(0, round(self._taken / self._speed) - self._given)]

    def _feed(self, samples: Samples) -> None:
        import av

        assert self._graph is not None, "nothing to feed at speed 1"
        row = np.ascontiguousarray(samples[None], np.float32)
        frame = av.AudioFrame.from_ndarray(row, format="flt", layout="mono")
        frame.sample_rate = self._rate
        self._graph.push(frame)

    def _pull(self) -> Samples:
        assert self._graph is not None, "nothing to pull at speed 1"
        parts = [np.zeros(0, np.float32)]
        while True:
            try:
                parts.append(self._graph.pull().to_ndarray()[0])
            except (BlockingIOError, EOFError):  # nothing more for now, nothing more at all
                return np.concatenate(parts)


def _graph(sample_rate: int, speed: float):  # type: ignore[no-untyped-def]
    from av.filter import Graph

    steps = math.ceil(abs(math.log(speed, ATEMPO_STEP)))
    graph = Graph()
    nodes = [graph.add_abuffer(sample_rate=sample_rate, format="flt", layout="mono")]
    nodes += [graph.add("atempo", f"{speed ** (1 / steps):.9f}") for _ in range(steps)]
    nodes.append(graph.add("abuffersink"))
    graph.link_nodes(*nodes).configure()
    return graph
