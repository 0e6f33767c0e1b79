"""Codes to the hidden frames of the content encoder while they come, in windows of fixed places."""

# Q codes, C channels, T content frames

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from vivace.models.gpt_sovits.s2.content_encoder import ContentEncoder
from vivace.models.gpt_sovits.s2.semantic import FRAMES_PER_CODE, SemanticQuantizer
from vivace.models.gpt_sovits.t2s.model import MAX_CODES

LOOKAHEAD = 8  # codes, a third of a second
PAST = 125  # codes, five seconds


@dataclass(frozen=True)
class CodeSchedule:
    """Chunks of codes, each read in a window of its own: it, the codes before it and a few after it.

    The networks that read codes look at all of a piece at once. In a stream they look at windows instead, whose places
    depend on the number of codes only. So a stream is what the same windows make of the whole piece, and a code costs a
    bounded amount of work and memory.
    """

    first: int  # codes of the first chunk
    next: int  # of the second
    growth: float  # each after it is this much longer
    most: int  # codes of the longest
    lookahead: int = LOOKAHEAD  # codes after its own that a chunk is read with
    past: int = PAST  # codes before its own

    def size(self, chunk: int) -> int:
        """Codes of chunk number ``chunk``."""
        return min(self.most, self.first if chunk == 0 else round(self.next * self.growth ** min(chunk - 1, 64)))

    def end(self, chunk: int, start: int, codes: int, *, last: bool) -> int | None:
        """Where the chunk that begins at ``start`` ends; None while that is not known.

        What would be left over at the end, fewer codes than ``lookahead``, belongs to the chunk before.

        Args:
            codes: of the piece so far; ``last``: there will be no more.
        """
        end = start + self.size(chunk)
        if codes > end + self.lookahead:
            return end
        return codes if last and codes > start else None

    @property
    def before_first(self) -> int:
        """Codes that have to be there before the first chunk is made."""
        return self.size(0) + self.lookahead + 1


WHOLE = CodeSchedule(first=MAX_CODES, next=MAX_CODES, growth=1.0, most=MAX_CODES)  # a piece at once, as the reference


FADE = 4  # content frames over which a window takes over from the one before

Encode = Callable[[Tensor], Tensor]  # codes [1, Q] -> hidden frames [1, C, 2 * Q]


def encoder_of(encoder: ContentEncoder, quantizer: SemanticQuantizer, phones: Tensor, style: Tensor) -> Encode:
    """``encoder`` for one piece: its phones ``[X]`` are read once, when the first codes come.

    Args:
        style: ``[1, width, 1]``.
    """

    @cache
    def text() -> Tensor:
        return encoder.read(phones[None].to(style.device))

    return lambda codes: encoder.join(quantizer.decode(codes), text(), style)


class HiddenStream:
    """The hidden frames of one piece, chunk by chunk.

    Args:
        encode: the content encoder, with the phones and the voice of this piece.
    """

    def __init__(self, encode: Encode, schedule: CodeSchedule) -> None:
        self._encode, self.schedule = encode, schedule
        self._codes: list[Tensor] = []  # [q] each
        self._chunks = self._start = 0  # chunks made, codes in them
        self._last = False
        self._tail: Tensor | None = None  # the previous window's version of the first frames of the next chunk

    @property
    def finished(self) -> bool:
        """All frames have been given."""
        return self._last and self._start == self.codes

    @property
    def codes(self) -> int:
        """Codes so far."""
        return sum(len(part) for part in self._codes)

    def push(self, codes: Tensor, *, last: bool) -> None:
        """The next codes ``[q]``, where q may be 0; ``last``: there are no more."""
        if len(codes):
            self._codes.append(codes)
        self._last = self._last or last

    def chunk(self) -> Tensor | None:
        """The next chunk ``[C, T]``; None while codes for it are missing."""
        start, total = self._start, self.codes
        end = self.schedule.end(self._chunks, start, total, last=self._last)
        if end is None:
            return None
        self._codes = [torch.cat(self._codes)]
        first = max(0, start - self.schedule.past)
        window = self._codes[0][first : min(total, end + self.schedule.lookahead)]
        frames = self._encode(window[None])[0]
        own, after = FRAMES_PER_CODE * (start - first), FRAMES_PER_CODE * (end - first)
        made = frames[:, own:after]
        if self._tail is not None:
            made = _faded(made, self._tail)
        self._tail = frames[:, after : after + FADE].clone()
        self._chunks, self._start = self._chunks + 1, end
        return made


def _faded(frames: Tensor, tail: Tensor) -> Tensor:
    """``[C, T]``, its first frames blended with their previous version, ``[C, n]``."""
    count = min(tail.shape[1], frames.shape[1])
    share = torch.arange(1, count + 1, device=frames.device, dtype=frames.dtype) / (count + 1)
    head = share * frames[:, :count] + (1 - share) * tail[:, :count]
    return torch.cat((head, frames[:, count:]), dim=1)
