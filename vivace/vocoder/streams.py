"""Streams through networks of convolutions: frames in as they come, frames or samples out as soon as they are final."""

# B batch (streams), C channels, T frames, W width of what comes out per frame

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from vivace.errors import EngineError
from vivace.layers.conv_context import FrameContext, StreamContext

Run = Callable[[Tensor, FrameContext], Tensor]


@dataclass(frozen=True)
class ConvNetwork:
    """A network that keeps the number of frames and asks a ``FrameContext`` for those around them.

    ``run``: ``[B, C, T]`` -> ``[B, T * rate, W]``. Its context counts the latter frames: a code frame may be two mel
    frames.
    """

    run: Run
    receptive_field: int  # frames after its own that an output depends on, and at least as many as before it
    rate: int = 1  # frames of the context per frame that is pushed
    tail_samples: int = (
        0  # outputs at the end of a whole that are not sound: 1 where frames are centered on their samples
    )


@dataclass(eq=False)
class StreamState:
    """Where one stream is; belongs to the ``ConvStreams`` that pushes it. Frames are those of the context."""

    past: list[Tensor] | None = None  # per convolution ``[kept, C]``; None: nothing was pushed yet
    before: int = 0  # frames pushed
    given: int = 0  # frames given back
    finished: bool = False


@dataclass(frozen=True, eq=False)
class StreamInput:
    """New frames ``[C, T]`` of one stream, where T may be 0, and whether they are its last."""

    stream: StreamState
    frames: Tensor
    last: bool = False


class Streams(Protocol):
    """Runs any number of streams as one batch, whatever each of them has to give."""

    def push(self, pushes: Sequence[StreamInput]) -> list[Tensor]:
        """For each, its outputs ``[n, W]`` that are final now, after those given before."""
        ...


class Stream:
    """One stream by itself: the outputs of all its pushes and of ``finish`` joined are those of a whole run."""

    def __init__(self, streams: Streams) -> None:
        self.state = StreamState()
        self._streams = streams
        self._nothing: Tensor | None = None

    def push(self, frames: Tensor) -> Tensor:
        """The next frames ``[C, T]`` -> the samples ``[N]`` that are final now; N may be 0."""
        self._nothing = frames[:, :0]
        return self._streams.push([StreamInput(self.state, frames)])[0].flatten()

    def finish(self) -> Tensor:
        """The samples that are left, ``[N]``."""
        if self._nothing is None:
            return torch.empty(0)
        return self._streams.push([StreamInput(self.state, self._nothing, last=True)])[0].flatten()


def require_open(pushes: Sequence[StreamInput]) -> None:
    """Raises: EngineError when one of the streams was finished before."""
    if any(push.stream.finished for push in pushes):
        raise EngineError("frames for a stream that is finished; open another one")


class ConvStreams:
    """``Streams`` of a network whose convolutions carry their past.

    Every frame is computed once, and a stream that is pushed to its end equals the network's whole run of it.

    Args:
        lookahead: frames (as pushed) after its own that an output waits for. None: all that it depends on, and every
            output is exact. With fewer, each push also runs the network as if the stream ended there, at the cost of
            ``receptive_field - lookahead * rate`` frames more; the outputs of its last frames are those of such an end.
    """

    def __init__(self, network: ConvNetwork, lookahead: int | None = None) -> None:
        self.network = network
        self._ahead = 0 if lookahead is None else max(0, network.receptive_field - lookahead * network.rate)

    def open(self) -> Stream:
        """A stream before its first frame."""
        return Stream(self)

    @torch.inference_mode()
    def push(self, pushes: Sequence[StreamInput]) -> list[Tensor]:
        """Push several streams on as one batch.

        Returns:
            for each, ``[n, W]``: its outputs that are final now, after those given before.
        Raises: EngineError when a stream was finished before.
        """
        require_open(pushes)
        rate, receptive_field = self.network.rate, self.network.receptive_field
        taken = [push.frames.shape[1] * rate for push in pushes]
        ahead = [receptive_field if push.last else self._ahead * bool(n) for push, n in zip(pushes, taken, strict=True)]
        widest = max((n + more for n, more in zip(taken, ahead, strict=True)), default=0)
        if not widest:
            return [push.frames.new_zeros(0) for push in pushes]
        width = -(-widest // rate) * rate
        made, past = self._run(pushes, taken, width)
        outputs = []
        for row, (push, n) in enumerate(zip(pushes, taken, strict=True)):
            stream = push.stream
            total = stream.before + n
            first = stream.given - stream.before + receptive_field  # outputs are late by what they see of the future
            final = min(total + ahead[row] - receptive_field, total - self.network.tail_samples)
            count = max(0, final - stream.given)
            outputs.append(made[row, first : first + count].clone())  # a view would keep the whole batch alive
            stream.past = [layer[row] for layer in past]
            stream.before, stream.given, stream.finished = total, stream.given + count, push.last
        return outputs

    def _run(self, pushes: Sequence[StreamInput], taken: Sequence[int], width: int) -> tuple[Tensor, list[Tensor]]:
        """``[B, width, W]`` and what to carry on, per convolution ``[B, kept, C]``."""
        device, span = pushes[0].frames.device, 2 * self.network.receptive_field
        before = [push.stream.before for push in pushes]
        alike = all(n == width for n in taken)
        context = StreamContext(
            _joined([push.stream.past for push in pushes]),
            torch.tensor(before, device=device),
            None if alike else torch.tensor(taken, device=device),
            width=width,
            span=span,
            inside=alike and min(before) >= span,
        )
        frames = width // self.network.rate
        padded = [F.pad(push.frames, (0, frames - push.frames.shape[1])) for push in pushes]
        return self.network.run(torch.stack(padded), context), context.past


def _joined(pasts: Sequence[list[Tensor] | None]) -> list[Tensor] | None:
    """Per convolution ``[B, kept, C]``; zeros for streams that begin. None: all begin."""
    known = next((past for past in pasts if past is not None), None)
    if known is None:
        return None
    zeros = [torch.zeros_like(layer) for layer in known]
    rows = [zeros if past is None else past for past in pasts]
    return [torch.stack(layers) for layers in zip(*rows, strict=True)]


class Windowed(Protocol):
    """The part of ``Vocoder`` that a window needs."""

    hop: int
    receptive_field: int

    def __call__(self, frames: Tensor) -> Tensor: ...


@dataclass(frozen=True, eq=False)
class _Window:
    push: StreamInput
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
    def push(self, pushes: Sequence[StreamInput]) -> list[Tensor]:
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

    def _window(self, push: StreamInput) -> _Window:
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
