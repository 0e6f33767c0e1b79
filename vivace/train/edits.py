"""How two sequences differ."""

from collections.abc import Hashable, Sequence


def edits(wanted: Sequence[Hashable], heard: Sequence[Hashable]) -> int:
    """Fewest items to insert, delete or replace."""
    row = list(range(len(heard) + 1))
    for i, item in enumerate(wanted, 1):
        previous, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (item != other))
    return row[-1]


def aligned(wanted: Sequence[Hashable], heard: Sequence[Hashable]) -> list[tuple[int | None, int | None]]:
    """Which item of ``heard`` stands for which of ``wanted``; None where one was left out or put in."""
    table = [list(range(len(heard) + 1))]
    for i, item in enumerate(wanted, 1):
        above, row = table[-1], [i]
        for j, other in enumerate(heard, 1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (item != other)))
        table.append(row)
    i, j = len(wanted), len(heard)
    pairs: list[tuple[int | None, int | None]] = []
    while i or j:
        if i and j and table[i][j] == table[i - 1][j - 1] + (wanted[i - 1] != heard[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif i and table[i][j] == table[i - 1][j] + 1:
            i -= 1
            pairs.append((i, None))
        else:
            j -= 1
            pairs.append((None, j))
    return pairs[::-1]
