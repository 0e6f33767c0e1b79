"""Streams through any vocoder: each push runs a window of the frames that are new and those that they depend on."""

# C channels, T frames

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from vivace.vocoder.streams import Push, Stream, require_open


class Windowed(Protocol):
    """What has to be known of a vocoder; see ``Vocoder``."""

    hop: int
    receptive_field: int

    def __call__(self, frames: Tensor) -> Tensor: ...


@dataclass(frozen=True, eq=False)
class _Window:
    push: Push
    frames: Tensor  # [C, T], beginning with frame ``start`` of the stream
    start: int
    final: int  # frames of the stream whose samples are final


class WindowStreams:
    """``Streams`` of a vocoder that knows only whole runs. Windows of one length are run as one batch.

    Work is linear in the length: a push of T frames runs T and twice the receptive field, so do not push single frames
    where ``step`` lets you wait.

    Args:
        step: samples are made when so many frames have become final, or at the end.
        run: how a batch of windows is run: the vocoder itself, or a replay of it.
    """

    def __init__(self, vocoder: Windowed, *, step: int = 1, run: Callable[[Tensor], Tensor] | None = None) -> None:
        self._run, self._hop, self._context, self._step = run or vocoder, vocoder.hop, vocoder.receptive_field, step

    def open(self) -> Stream:
        """A stream before its first frame."""
        return Stream(self)

    @torch.inference_mode()
    def push(self, pushes: Sequence[Push]) -> list[Tensor]:
        """Push several streams on.

        Returns:
            for each, ``[n, hop]``: its samples that are final now, after those given before.
        Raises: EngineError when a stream was finished before.
        """
        require_open(pushes)
        windows = [self._window(push) for push in pushes]
        outputs = [push.frames.new_zeros(0, self._hop) for push in pushes]
        alike: defaultdict[int, list[int]] = defaultdict(list)
        for row, window in enumerate(windows):
            if window.final > window.push.stream.given:
                alike[window.frames.shape[1]].append(row)
        for rows in alike.values():
            made = self._run(torch.stack([windows[row].frames for row in rows]))
            for row, samples in zip(rows, made, strict=True):
                outputs[row] = self._blocks(windows[row], samples)
        for window in windows:
            self._keep(window)
        return outputs

    def _window(self, push: Push) -> _Window:
        stream, frames = push.stream, push.frames
        start = stream.before
        if stream.past is not None:
            frames = torch.cat([stream.past[0], frames], dim=1)
            start -= stream.past[0].shape[1]
        total = stream.before + push.frames.shape[1]
        final = total if push.last else max(stream.given, total - self._context)
        if not push.last and final - stream.given < self._step:
            final = stream.given
        return _Window(push, frames, start, final)

    def _blocks(self, window: _Window, samples: Tensor) -> Tensor:
        first, last = ((frame - window.start) * self._hop for frame in (window.push.stream.given, window.final))
        return samples[first : min(last, len(samples))].clone().view(-1, self._hop)

    def _keep(self, window: _Window) -> None:
        stream, push = window.push.stream, window.push
        stream.given, stream.finished = window.final, push.last
        stream.before += push.frames.shape[1]
        stream.past = [window.frames[:, max(0, window.final - self._context - window.start) :].clone()]
