"""The frame stage of the ChatTTS family: hidden states of many requests to samples, as they come."""

# D model width, t frames, n samples

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vivace.engine.protocols import FramePart
from vivace.errors import TTSError
from vivace.models.chattts.wave_streams import WaveStreams
from vivace.models.samples import finite_samples
from vivace.vocoder.streams import Push, Stream


@dataclass(frozen=True)
class ChatTTSFrameStream:
    """``FrameStream``: one generation's hidden states becoming audio."""

    wave: Stream
    lookahead: int


class ChatTTSFrameStage:
    """``FrameStage`` over Decoder and vocoder.

    Args:
        streams: of the loaded checkpoint.
        lookahead: frames a sample waits for, as ``streams`` was given it; None: all that it depends on.
    """

    def __init__(self, streams: WaveStreams, lookahead: int | None) -> None:
        self._streams = streams
        exact = streams.exact_lookahead
        self._lookahead = exact if lookahead is None else min(lookahead, exact)

    def open(self, context: object) -> ChatTTSFrameStream:
        """A stream before its first frame; hidden states say all."""
        return ChatTTSFrameStream(self._streams.open(), self._lookahead)

    def decode(self, parts: Sequence[FramePart]) -> list[NDArray[np.float32] | TTSError]:
        """Push all on in one batch."""
        return [finite_samples(samples) for samples in self._streams.push([self._push(part) for part in parts])]

    def _push(self, part: FramePart) -> Push:
        assert isinstance(part.stream, ChatTTSFrameStream), "a part belongs to a stream that this stage opened"
        hidden = part.hidden.T if len(part.hidden) else self._streams.nothing
        return Push(part.stream.wave.state, hidden, part.last)
