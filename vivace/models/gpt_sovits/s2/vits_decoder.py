"""v1, v2, v2Pro and v2ProPlus: hidden frames to samples as they come, through flow and decoder."""

# C latent channels, T content frames, N samples

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from vivace.models.gpt_sovits.s2.decode import DecodeContext, DecodeState, with_lookahead
from vivace.models.gpt_sovits.s2.hidden_stream import CodeSchedule, HiddenStream, encoder_of
from vivace.models.gpt_sovits.s2.semantic import FRAMES_PER_CODE
from vivace.models.gpt_sovits.s2.vits import Style, VitsModel
from vivace.models.gpt_sovits.s2.windows import (
    ConditionedWindows,
    flatten_frames,
    push_chunked,
    with_condition,
)
from vivace.runtime.seed import normal_frames
from vivace.vocoder.hifigan import receptive_field
from vivace.vocoder.streams import StreamInput, StreamState

FIRST_HEARD = 8  # codes; a third of a second goes out first


@dataclass(eq=False)
class VitsDecodeState:
    """``DecodeState``."""

    hidden: HiddenStream
    style: Style
    seed: int
    drawn: int = 0  # frames that have their noise
    flow: StreamState = field(default_factory=StreamState)
    decoder: StreamState = field(default_factory=StreamState)


class VitsDecoder:
    """``SoundStage``. The encoder works in windows; flow and decoder see little around a frame and lose nothing.

    Args:
        lookahead: codes after its own that a chunk is encoded with; None: as many as sound best.
        chunk_frames: content frames that flow and decoder take at once.
    """

    def __init__(self, s2: VitsModel, *, lookahead: int | None, chunk_frames: int) -> None:
        self._s2, self._chunk_frames = s2, chunk_frames
        latent, decoder = s2.enc_p.proj.out_channels // 2, s2.dec.config
        flow = ConditionedWindows(
            lambda x, style: flatten_frames(s2.flow.inverse(x, style)),
            channels=latent,
            hop=latent,
            receptive_field=s2.flow_reach,
        )
        wave = ConditionedWindows(s2.dec, channels=latent, hop=s2.hop, receptive_field=receptive_field(decoder))
        self._flow, self._wave = flow.streams(), wave.streams()
        ahead = -(-(flow.receptive_field + wave.receptive_field) // FRAMES_PER_CODE)  # codes a sample waits for
        self.schedule = with_lookahead(CodeSchedule(FIRST_HEARD + ahead, 12, 1.5, 64), lookahead)

    def open(self, context: DecodeContext) -> VitsDecodeState:
        """A piece before its first code."""
        s2, style = self._s2, self._s2.style_of(context.voice.style)
        encode = encoder_of(s2.enc_p, s2.quantizer, context.phones, style.encoder)
        return VitsDecodeState(HiddenStream(encode, self.schedule), style, context.seed)

    def push(self, pieces: Sequence[DecodeState]) -> list[Tensor]:
        """For each, the samples ``[N]`` that are final now."""
        known = [piece for piece in pieces if isinstance(piece, VitsDecodeState)]
        assert len(known) == len(pieces), "a piece belongs to the stage that opened it"
        latents = [
            StreamInput(piece.flow, with_condition(self._latent(piece), piece.style.decoder), piece.hidden.finished)
            for piece in known
        ]
        shaped = push_chunked(self._flow, latents, self._chunk_frames)
        frames = [
            StreamInput(piece.decoder, with_condition(made.T, piece.style.decoder), piece.hidden.finished)
            for piece, made in zip(known, shaped, strict=True)
        ]
        return [blocks.flatten() for blocks in push_chunked(self._wave, frames, self._chunk_frames)]

    def _latent(self, piece: VitsDecodeState) -> Tensor:
        """``[C, T]`` of the prior, of the chunks that are complete."""
        chunks = list(iter(piece.hidden.chunk, None))
        if not chunks:
            return piece.style.decoder.new_zeros(self._s2.enc_p.proj.out_channels // 2, 0)
        prior = self._s2.prior(torch.cat(chunks, dim=1)[None])
        width, count = prior.mean.shape[1:]
        noise = normal_frames(piece.seed, piece.drawn, count, width)
        piece.drawn += count
        return prior.sample(noise.to(prior.mean.device))[0]
