"""The frame stage of GPT-SoVITS: the codes of many pieces to samples, as they come."""

# Q codes, N samples

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vivace.engine.chunking import ChunkSchedule
from vivace.engine.protocols import FramePart
from vivace.errors import TTSError
from vivace.models.family import finite_samples
from vivace.models.gpt_sovits.checkpoint.parts import GPTSoVITSParts
from vivace.models.gpt_sovits.s2.decode import DecodeContext, DecodeState, WaveDecoder
from vivace.models.gpt_sovits.s2.flow_matching_decoder import FlowMatchingDecoder
from vivace.models.gpt_sovits.s2.vits import VitsModel
from vivace.models.gpt_sovits.s2.vits_decoder import VitsDecoder
from vivace.vocoder import CHUNK_FRAMES
from vivace.vocoder.graphed import GraphedVocoder


@dataclass(frozen=True)
class GPTSoVITSFrameStream:
    """``FrameStream``: one generation's codes becoming audio."""

    piece: DecodeState
    lookahead: int


class GPTSoVITSFrameStage:
    """``FrameStage``.

    A piece is read chunk by chunk (``CodeSchedule``), whether it is streamed or wanted whole; so the samples do not
    depend on when its codes came, nor on the rest of the batch.

    Args:
        lookahead: codes after its own that a chunk is read with; None: as many as sound best; as many as a piece can
            have: all at once.
        graphs: whether the vocoder of v3 and v4 is replayed where the device can do that.
        vocoder_chunk_size: frames that it takes at once.
    """

    def __init__(
        self,
        parts: GPTSoVITSParts,
        *,
        lookahead: int | None = None,
        graphs: bool = True,
        vocoder_chunk_size: int = CHUNK_FRAMES,
    ) -> None:
        self._device = parts.device
        self._sound: WaveDecoder
        if isinstance(parts.s2, VitsModel):
            self._sound = VitsDecoder(parts.s2, lookahead=lookahead, chunk_frames=vocoder_chunk_size)
        else:
            assert parts.vocoder is not None, "v3 and v4 have a vocoder"
            vocoder = GraphedVocoder(parts.vocoder, chunk_size=vocoder_chunk_size, enabled=graphs)
            self._sound = FlowMatchingDecoder(parts.s2, vocoder, lookahead=lookahead, chunk_frames=vocoder_chunk_size)

    def open(self, context: object) -> GPTSoVITSFrameStream:
        """A stream before its first code."""
        assert isinstance(context, DecodeContext), "a job of this family says what its codes mean"
        piece = self._sound.open(context)
        return GPTSoVITSFrameStream(piece, max(0, piece.hidden.schedule.before_first - ChunkSchedule.first))

    def decode(self, parts: Sequence[FramePart]) -> list[NDArray[np.float32] | TTSError]:
        """Samples that are final now."""
        pieces = []
        for part in parts:
            assert isinstance(part.stream, GPTSoVITSFrameStream), "a part belongs to a stream that this stage opened"
            codes = part.codes[:, 0] if part.codes.numel() else part.codes.new_zeros(0)
            part.stream.piece.hidden.push(codes.long().to(self._device), last=part.last)
            pieces.append(part.stream.piece)
        return [finite_samples(samples) for samples in self._sound.push(pieces)]

    def wave(self, codes: Tensor, context: DecodeContext) -> Tensor:
        """Codes ``[Q]`` of one piece to samples ``[N]`` at the version's rate: what a stream of them joined is."""
        piece = self._sound.open(context)
        piece.hidden.push(codes.long().to(self._device), last=True)
        return self._sound.push([piece])[0]
