"""Streams through networks that take a vector per row: a voice's style, say."""

# B batch, C channels, G width of the vector, T frames

from collections.abc import Callable, Sequence

from torch import Tensor, cat, split

from vivace.vocoder.streams import Push, Streams
from vivace.vocoder.window_streams import WindowStreams


class ConditionedWindows:
    """``Windowed`` over a network that is conditioned on a vector.

    The vector is appended to every frame as further channels (``with_condition``), so that windows of different voices
    form one batch.

    Args:
        run: frames ``[B, C, T]`` and vectors ``[B, G, 1]`` -> ``[B, T * hop]``.
        channels: C.
        receptive_field: frames on each side that an output depends on.
    """

    def __init__(
        self, run: Callable[[Tensor, Tensor], Tensor], *, channels: int, hop: int, receptive_field: int
    ) -> None:
        self._run, self._channels = run, channels
        self.hop, self.receptive_field = hop, receptive_field

    def __call__(self, frames: Tensor) -> Tensor:
        """``[B, C + G, T]`` -> ``[B, T * hop]``."""
        return self._run(frames[:, : self._channels].contiguous(), frames[:, self._channels :, :1].contiguous())

    def streams(self) -> WindowStreams:
        """Streams of frames ``[C + G, T]`` to blocks ``[n, hop]``."""
        return WindowStreams(self)


def with_condition(frames: Tensor, vector: Tensor) -> Tensor:
    """Frames ``[C, T]`` and the vector ``[1, G, 1]`` they are conditioned on -> ``[C + G, T]``."""
    return cat((frames, vector[0].expand(-1, frames.shape[1])))


def flatten_frames(made: Tensor) -> Tensor:
    """What a network makes per frame, ``[B, C, T]``, as a run of ``C`` numbers per frame, ``[B, T * C]``."""
    return made.transpose(1, 2).flatten(1)


def push_chunked(streams: Streams, pushes: Sequence[Push], most: int) -> list[Tensor]:
    """As ``streams.push``, but at most ``most`` frames of each stream at a time, which bounds the memory."""
    parts = [_parts(push, most) for push in pushes]
    made: list[list[Tensor]] = [[] for _ in pushes]
    for turn in range(max(map(len, parts), default=0)):
        rows = [row for row, own in enumerate(parts) if turn < len(own)]
        for row, out in zip(rows, streams.push([parts[row][turn] for row in rows]), strict=True):
            made[row].append(out)
    return [cat(own) for own in made]


def _parts(push: Push, most: int) -> list[Push]:
    frames = split(push.frames, most, dim=1) if push.frames.shape[1] else (push.frames,)
    return [Push(push.stream, part, push.last and part is frames[-1]) for part in frames]
