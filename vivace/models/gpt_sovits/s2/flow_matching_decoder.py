"""v3 and v4: hidden frames to samples as they come, through condition frames, flow matching and a vocoder."""

# B batch, C condition channels, M mel bands, T mel frames, N samples

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from vivace.models.gpt_sovits.s2.condition import FlowMatchingModel
from vivace.models.gpt_sovits.s2.decode import DecodeContext, DecodeState, with_lookahead
from vivace.models.gpt_sovits.s2.flow_matching import denormalized, solve
from vivace.models.gpt_sovits.s2.hidden_stream import CodeSchedule, HiddenStream, encoder_of
from vivace.models.gpt_sovits.s2.semantic import FRAMES_PER_CODE
from vivace.models.gpt_sovits.s2.windows import (
    ConditionedWindows,
    WindowPrompt,
    flatten_frames,
    push_chunked,
    with_condition,
)
from vivace.runtime.device import capabilities
from vivace.runtime.seed import normal_frames
from vivace.vocoder.base import Vocoder
from vivace.vocoder.streams import StreamInput, StreamState, WindowStreams

FIRST, NEXT, GROWTH, MOST = 32, 64, 2.0, 128  # codes; a window pays for the recording at its head, so they grow fast


@dataclass(eq=False)
class FlowMatchingState:
    """``DecodeState``."""

    hidden: HiddenStream
    style: Tensor  # [1, G, 1]
    prompt: WindowPrompt  # of the next window
    seed: int
    steps: int
    spread: int = 0  # hidden frames at the mel's rate
    solved: int = 0  # mel frames
    conditioner: StreamState = field(default_factory=StreamState)
    vocoder: StreamState = field(default_factory=StreamState)


class FlowMatchingDecoder:
    """``SoundStage``. Every chunk of codes is a window of flow matching, prompted with the end of those before it.

    Args:
        lookahead: codes after its own that a chunk is encoded with; None: as many as sound best.
        chunk_frames: mel frames that the vocoder takes at once.
    """

    def __init__(self, s2: FlowMatchingModel, vocoder: Vocoder, *, lookahead: int | None, chunk_frames: int) -> None:
        self._s2, self._lookahead, self._chunk_frames = s2, lookahead, chunk_frames
        width = s2.bridge.out_channels
        conditioner = ConditionedWindows(
            lambda x, style: flatten_frames(s2.wns1(x, style)), channels=width, hop=width, receptive_field=s2.wave_reach
        )
        self._conditioner, self._vocoder = conditioner.streams(), WindowStreams(vocoder)
        self._together = capabilities(s2.bridge.weight.device).batch_pays
        self._per_code = FRAMES_PER_CODE * s2.version.frames_per_content

    def open(self, context: DecodeContext) -> FlowMatchingState:
        """A piece before its first code."""
        s2, voice = self._s2, context.voice
        assert voice.mel is not None, "a voice of v3 and v4 has a mel"
        assert voice.condition is not None, "a voice of v3 and v4 has condition frames"
        version = s2.version
        prompt = WindowPrompt.of(
            voice.condition,
            voice.mel,
            reference_frames=version.reference_frames,
            window_frames=version.window_frames,
        )
        encode = encoder_of(s2.enc_p, s2.quantizer, context.phones, voice.style)
        hidden = HiddenStream(encode, with_lookahead(self._schedule(prompt), self._lookahead))
        return FlowMatchingState(hidden, voice.style, prompt, context.seed, context.steps)

    def _schedule(self, prompt: WindowPrompt) -> CodeSchedule:
        """Chunks that fit into a window behind the recording, the last one with what is left over at the end."""
        schedule = CodeSchedule(FIRST, NEXT, GROWTH, MOST)
        room = int((prompt.speech_frames - self._s2.wave_reach - 1) / self._per_code) - schedule.lookahead
        return CodeSchedule(FIRST, NEXT, GROWTH, max(FIRST, min(MOST, room)))

    def push(self, pieces: Sequence[DecodeState]) -> list[Tensor]:
        """For each, the samples ``[N]`` that are final now."""
        known = [piece for piece in pieces if isinstance(piece, FlowMatchingState)]
        assert len(known) == len(pieces), "a piece belongs to the stage that opened it"
        bands = self._s2.estimator.proj_out.out_features
        mels = [[piece.style.new_zeros(bands, 0)] for piece in known]
        while ready := [(row, chunk) for row, piece in enumerate(known) if (chunk := piece.hidden.chunk()) is not None]:
            conditions = self._condition([(known[row], chunk) for row, chunk in ready])
            solved = self._next_mels([known[row] for row, _ in ready], conditions)
            for (row, _), mel in zip(ready, solved, strict=True):
                mels[row].append(mel)
        pushes = [
            StreamInput(piece.vocoder, denormalized(torch.cat(made, dim=1)), piece.hidden.finished)
            for piece, made in zip(known, mels, strict=True)
        ]
        return [blocks.flatten() for blocks in push_chunked(self._vocoder, pushes, self._chunk_frames)]

    def _condition(self, chunks: Sequence[tuple[FlowMatchingState, Tensor]]) -> list[Tensor]:
        """Hidden frames ``[width, n]`` -> for each, the condition frames ``[C, T]`` that are final now."""
        pushes = []
        for piece, chunk in chunks:
            frames = self._s2.spread(chunk[None], piece.spread, last=piece.hidden.finished)[0]
            piece.spread += chunk.shape[1]
            pushes.append(StreamInput(piece.conditioner, with_condition(frames, piece.style), piece.hidden.finished))
        return [made.T for made in push_chunked(self._conditioner, pushes, self._chunk_frames)]

    def _next_mels(self, pieces: Sequence[FlowMatchingState], conditions: Sequence[Tensor]) -> list[Tensor]:
        """Condition frames ``[C, T]`` of one chunk each -> mels ``[M, T]``, window after window."""
        windows = [
            torch.split(condition, piece.prompt.speech_frames, dim=1)
            for piece, condition in zip(pieces, conditions, strict=True)
        ]
        mels: list[list[Tensor]] = [[] for _ in pieces]
        for turn in range(max(map(len, windows))):
            alike: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
            for row, own in enumerate(windows):
                if turn < len(own):
                    piece = pieces[row]
                    key = (own[turn].shape[1], piece.prompt.mel.shape[2], piece.steps)
                    alike[key if self._together else (*key, row)].append(row)
            for rows in alike.values():
                made = self._solve([pieces[row] for row in rows], [windows[row][turn] for row in rows])
                for row, mel in zip(rows, made, strict=True):
                    mels[row].append(mel)
        return [torch.cat(own, dim=1) for own in mels]

    def _solve(self, pieces: Sequence[FlowMatchingState], windows: Sequence[Tensor]) -> Tensor:
        """One window of each, all of one length: ``[C, T]`` -> mels ``[B, M, T]``."""
        prompt = torch.cat([piece.prompt.mel for piece in pieces])
        before, frames = prompt.shape[2], windows[0].shape[1]
        heads = torch.cat([piece.prompt.condition for piece in pieces])
        noise = prompt.new_zeros(len(pieces), prompt.shape[1], before + frames)
        for row, piece in enumerate(pieces):
            noise[row, :, before:] = normal_frames(piece.seed, piece.solved, frames, prompt.shape[1])
        condition = torch.cat((heads, torch.stack(list(windows))), dim=2)
        made = solve(self._s2.estimator, condition, prompt, noise, pieces[0].steps)[:, :, before:]
        for row, piece in enumerate(pieces):
            piece.prompt = piece.prompt.after(windows[row][None], made[row : row + 1])
            piece.solved += frames
        return made
