"""Windows of speech that is longer than a network takes at once, and streams of networks with a condition.

Source: section 14 of the GPT-SoVITS model facts.
"""

# B batch, M mel bands, C channels, G width of a vector, T frames, P frames of the recording
# B batch, C channels, G width of the vector, T frames

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, cat, split

from vivace.vocoder.streams import StreamInput, Streams, WindowStreams


@dataclass(frozen=True)
class WindowPrompt:
    """The recording at the head of every window."""

    condition: Tensor  # [1, C, P]
    mel: Tensor  # [1, M, P] normalized
    speech_frames: int  # that a window has room for behind it

    @classmethod
    def of(cls, condition: Tensor, mel: Tensor, *, reference_frames: int, window_frames: int) -> "WindowPrompt":
        """The frames that both have; of many, the last ``reference_frames``."""
        frames = min(mel.shape[2], condition.shape[2])
        kept = slice(max(0, frames - reference_frames), frames)
        frames = min(frames, reference_frames)
        return cls(condition[:, :, kept], mel[:, :, kept], window_frames - frames)

    def after(self, condition: Tensor, mel: Tensor) -> "WindowPrompt":
        """The prompt of the window that follows one of ``condition`` ``[1, C, T]`` and ``mel`` ``[1, M, T]``.

        As many frames as before, the latest. A full window is a prompt by itself, as in the reference, even where it
        has fewer.
        """
        frames = self.mel.shape[2]
        if mel.shape[2] < self.speech_frames:
            condition, mel = torch.cat((self.condition, condition), dim=2), torch.cat((self.mel, mel), dim=2)
        return replace(self, condition=condition[:, :, -frames:], mel=mel[:, :, -frames:])


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
    """The output of a network, ``[B, C, T]``, as ``C`` numbers after one another per frame, ``[B, T * C]``."""
    return made.transpose(1, 2).flatten(1)


def push_chunked(streams: Streams, pushes: Sequence[StreamInput], most: int) -> list[Tensor]:
    """As ``streams.push``, but at most ``most`` frames of each stream at a time, which bounds the memory."""
    parts = [_parts(push, most) for push in pushes]
    made: list[list[Tensor]] = [[] for _ in pushes]
    for turn in range(max(map(len, parts), default=0)):
        rows = [row for row, own in enumerate(parts) if turn < len(own)]
        for row, out in zip(rows, streams.push([parts[row][turn] for row in rows]), strict=True):
            made[row].append(out)
    return [cat(own) for own in made]


def _parts(push: StreamInput, most: int) -> list[StreamInput]:
    frames = split(push.frames, most, dim=1) if push.frames.shape[1] else (push.frames,)
    return [StreamInput(push.stream, part, push.last and part is frames[-1]) for part in frames]
