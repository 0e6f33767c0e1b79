"""The silence between pieces."""

from vivace.types import Break, Piece

PAUSE_S: dict[Break, float] = {"none": 0.0, "clause": 0.12, "sentence": 0.3, "paragraph": 0.6}


def pause_after(piece: Piece, *, speed: float, last: bool) -> float:
    """Seconds: what the text asks for with ``[pause 0.5s]``, whatever the speed; else what a speaker would leave."""
    if piece.pause_s is not None:
        return piece.pause_s
    return 0.0 if last else PAUSE_S[piece.break_after] / speed
