"""Hidden states to samples while they are made: Decoder, mel gate and vocoder, many requests in one batch."""

# D model width, C mel bins, T code or mel frames, N samples

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vivace.engine.protocols import FramePart
from vivace.errors import TTSError
from vivace.layers.conv_context import FrameContext
from vivace.models.chattts.dvae import SpectrogramDecoder
from vivace.models.family import finite_samples
from vivace.vocoder.graphed import GraphedStreams
from vivace.vocoder.streams import ConvNetwork, Stream, StreamInput
from vivace.vocoder.vocos import Vocos

EXPANSION = 3.0  # how much lower a pause gets, for each unit that it is below the gate: a downward expander of 1:4


def gate_pauses(mel: Tensor, floor: float | None, gate: float | None) -> Tensor:
    """Clip a mel below the range that the Decoder was trained on, and turn its murmur in pauses into silence.

    Frame by frame, so that chunks and streams are not affected.

    Args:
        mel: ``[..., T, C]``, natural log.
        floor: nothing is lower than this; None: nothing is cut off.
        gate: a frame all of whose bands are below it is a pause, and made quieter the quieter it is; None: none is.
    """
    if gate is not None:
        mel = mel - EXPANSION * (gate - mel.amax(-1, keepdim=True)).clamp_min(0)
    return mel if floor is None else mel.clamp_min(floor)


WaveStream = Stream  # of hidden states ``[D, T]``, to samples


class WaveStreams:
    """``Streams`` of one loaded checkpoint. No frame is run through it twice: work is linear in the length.

    Args:
        mel_floor: what the mel is cut off at, as the checkpoint has it; None: nothing.
        mel_gate: below what a frame is a pause, as the checkpoint has it; None: none is.
        lookahead: code frames after its own that a sample waits for. None: all that it depends on (``exact_lookahead``:
            52 with the published sizes), and samples equal those of a whole run to 1e-5. Fewer come sooner and cost
            more work; ``docs/vocoder.md`` says what they differ by.
        graphs: whether pushes are replayed where the device can do that.
    """

    def __init__(
        self,
        decoder: SpectrogramDecoder,
        vocoder: Vocos,
        *,
        mel_floor: float | None = None,
        mel_gate: float | None = None,
        lookahead: int | None = None,
        graphs: bool = True,
    ) -> None:
        self._decoder, self._vocoder, self._mel_floor, self._mel_gate = decoder, vocoder, mel_floor, mel_gate
        reach = decoder.receptive_field + vocoder.receptive_field  # mel frames
        rate = decoder.frames_per_code
        self.exact_lookahead = -(-reach // rate)
        network = ConvNetwork(self._run, reach, rate=rate, tail_samples=1)
        self._streams = GraphedStreams(network, lookahead, device=decoder.coef.device, enabled=graphs)
        self.nothing = decoder.coef.new_zeros(decoder.width, 0)  # hidden states of no frame

    def open(self) -> WaveStream:
        """A stream before its first frame."""
        return WaveStream(self)

    def push(self, pushes: Sequence[StreamInput]) -> list[Tensor]:
        """Push several streams on in one batch; the frames of each ``StreamInput`` are hidden states ``[D, T]``.

        Returns:
            for each, the samples ``[N]`` that are final now, float32, on the device of the hidden states.
        Raises: EngineError when a stream was finished before.
        """
        return [blocks.flatten() for blocks in self._streams.push(pushes)]

    def _run(self, hidden: Tensor, context: FrameContext) -> Tensor:
        mel = self._decoder.run(hidden.float(), context)
        return self._vocoder.run(gate_pauses(mel, self._mel_floor, self._mel_gate), context)


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

    def _push(self, part: FramePart) -> StreamInput:
        assert isinstance(part.stream, ChatTTSFrameStream), "a part belongs to a stream that this stage opened"
        hidden = part.hidden.T if len(part.hidden) else self._streams.nothing
        return StreamInput(part.stream.wave.state, hidden, part.last)
