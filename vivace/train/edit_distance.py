"""Edit distance of two sequences, and the alignment that has it."""

from collections.abc import Hashable, Sequence

from rapidfuzz.distance import Levenshtein


def edits(wanted: Sequence[Hashable], heard: Sequence[Hashable]) -> int:
    """The smallest number of items to insert, delete or replace."""
    return Levenshtein.distance(wanted, heard)


def aligned(wanted: Sequence[Hashable], heard: Sequence[Hashable]) -> list[tuple[int | None, int | None]]:
    """Pairs of positions in ``wanted`` and ``heard``; None where an item was left out or inserted."""
    pairs: list[tuple[int | None, int | None]] = []
    for code in Levenshtein.opcodes(wanted, heard):
        left, right = range(code.src_start, code.src_end), range(code.dest_start, code.dest_end)
        if code.tag in ("equal", "replace"):
            pairs += zip(left, right, strict=True)
        else:
            pairs += [(i, None) for i in left] + [(None, j) for j in right]
    return pairs
