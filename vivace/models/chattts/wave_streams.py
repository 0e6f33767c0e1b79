"""Hidden states to samples while they are made: Decoder, mel floor and vocoder, many streams in one batch."""

# D model width, T code frames, N samples

from collections.abc import Sequence

from torch import Tensor

from vivace.layers.frame_context import FrameContext
from vivace.models.chattts.decoder import SpectrogramDecoder
from vivace.models.chattts.mel_gate import gate_pauses
from vivace.vocoder.graphed_streams import GraphedStreams
from vivace.vocoder.streams import Network, Push, Stream
from vivace.vocoder.vocos import Vocos

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
        network = Network(self._run, reach, rate=rate, missing=1)
        self._streams = GraphedStreams(network, lookahead, device=decoder.coef.device, enabled=graphs)
        self.nothing = decoder.coef.new_zeros(decoder.width, 0)  # hidden states of no frame

    def open(self) -> WaveStream:
        """A stream before its first frame."""
        return WaveStream(self)

    def push(self, pushes: Sequence[Push]) -> list[Tensor]:
        """Push several streams on in one batch, each by a ``Push(stream.state, hidden, last)``; hidden is ``[D, T]``.

        Returns:
            for each, the samples ``[N]`` that are final now, float32, on the device of the hidden states.
        Raises: EngineError when a stream was finished before.
        """
        return [blocks.flatten() for blocks in self._streams.push(pushes)]

    def _run(self, hidden: Tensor, context: FrameContext) -> Tensor:
        mel = self._decoder.run(hidden.float(), context)
        return self._vocoder.run(gate_pauses(mel, self._mel_floor, self._mel_gate), context)
