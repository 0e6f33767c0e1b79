"""Tables on stdout: aligned for people; for a pipe neither cut off nor padded."""

import io
import sys
from collections.abc import Iterable, Mapping, Sequence

WIDE = 1000  # columns where there is no terminal to fit into


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows of rich markup under the header."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*header, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*row)
    console = Console()
    if console.is_terminal:
        console.print(table)
        return
    plain = io.StringIO()
    Console(file=plain, width=WIDE).print(table)
    sys.stdout.writelines(line.rstrip() + "\n" for line in plain.getvalue().splitlines())


def print_fields(fields: Mapping[str, object]) -> None:
    """Print one name and value a line."""
    width = max(len(name) for name in fields) + 2
    for name, value in fields.items():
        shown = ", ".join(map(str, value)) if isinstance(value, tuple) else _plain(value)
        sys.stdout.write(f"{name.replace('_', ' '):<{width}}{shown}".rstrip() + "\n")


def _plain(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return f"{value:,.0f}"
        case _:
            return str(value)
