"""Tables on stdout: aligned for people, never cut off for a pipe."""

from collections.abc import Iterable, Sequence

WIDE = 200  # columns where there is no terminal to fit into


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows of rich markup under the header."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDE)
    table = Table(*header, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*row)
    console.print(table)
