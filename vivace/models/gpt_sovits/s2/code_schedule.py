"""Where a stream of codes is cut, so that what is made of it does not depend on how the codes came."""

from dataclasses import dataclass

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
