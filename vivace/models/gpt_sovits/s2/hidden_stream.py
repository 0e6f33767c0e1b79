"""Codes to the hidden frames of the content encoder while they come, window by window."""

# Q codes, C channels, T content frames

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from vivace.models.gpt_sovits.s2.code_schedule import CodeSchedule
from vivace.models.gpt_sovits.s2.content_encoder import ContentEncoder
from vivace.models.gpt_sovits.s2.semantic import FRAMES_PER_CODE, SemanticQuantiser

FADE = 4  # content frames over which a window takes over from the one before

Encode = Callable[[Tensor], Tensor]  # codes [1, Q] -> hidden frames [1, C, 2 * Q]


def encoder_of(encoder: ContentEncoder, quantiser: SemanticQuantiser, phones: Tensor, style: Tensor) -> Encode:
    """``encoder`` for one piece: its phones ``[X]`` are read once, when the first codes come.

    Args:
        style: ``[1, width, 1]``.
    """

    @cache
    def text() -> Tensor:
        return encoder.read(phones[None].to(style.device))

    return lambda codes: encoder.join(quantiser.decode(codes), text(), style)


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
        self._tail: Tensor | None = None  # what the window before said of the first frames of the next chunk

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
    """``[C, T]``, its first frames blended with what was said of them before, ``[C, n]``."""
    count = min(tail.shape[1], frames.shape[1])
    share = torch.arange(1, count + 1, device=frames.device, dtype=frames.dtype) / (count + 1)
    head = share * frames[:, :count] + (1 - share) * tail[:, :count]
    return torch.cat((head, frames[:, count:]), dim=1)
