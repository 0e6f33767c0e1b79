"""The frame stage of the ChatTTS family: hidden states of many requests to samples, as they come."""

# D model width, t frames, n samples

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vivace.engine.frame_stage import FramePart
from vivace.errors import EngineError, TTSError
from vivace.pipeline.wave_streams import WaveStreams
from vivace.vocoder.streams import Push, Stream


@dataclass(frozen=True)
class HiddenStream:
    """``FrameStream``: one generation's hidden states becoming audio."""

    wave: Stream
    lookahead: int


class HiddenFrames:
    """``FrameStage`` over Decoder and vocoder.

    Args:
        streams: of the loaded checkpoint.
        lookahead: frames a sample waits for, as ``streams`` was given it; None: all that it depends on.
    """

    def __init__(self, streams: WaveStreams, lookahead: int | None) -> None:
        self._streams = streams
        exact = streams.exact_lookahead
        self._lookahead = exact if lookahead is None else min(lookahead, exact)

    def open(self, context: object) -> HiddenStream:
        """A stream before its first frame; hidden states say all."""
        return HiddenStream(self._streams.open(), self._lookahead)

    def decode(self, parts: Sequence[FramePart]) -> list[NDArray[np.float32] | TTSError]:
        """Push all on in one batch."""
        return [self._checked(samples) for samples in self._streams.push([self._push(part) for part in parts])]

    def _push(self, part: FramePart) -> Push:
        assert isinstance(part.stream, HiddenStream), "a part belongs to a stream that this stage opened"
        hidden = part.hidden.T if len(part.hidden) else self._streams.nothing
        return Push(part.stream.wave.state, hidden, part.last)

    def _checked(self, samples: Tensor) -> NDArray[np.float32] | TTSError:
        if not torch.isfinite(samples).all():
            return EngineError("the model made numbers that are not finite; try another seed, or float32")
        heard: NDArray[np.float32] = samples.cpu().numpy()
        return heard
