"""Output of commands: tables and fields on stdout, a progress bar on stderr."""

import io
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from vivace.types import Progress

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


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[Progress], None] | None]:
    """A function that draws each ``Progress`` it is given, or None where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[count]}"), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None, count="")

        def draw(progress: Progress) -> None:
            count = f"{progress.done:,}/{progress.total:,} {progress.unit}"
            bar.update(task, completed=progress.done, total=progress.total, count=count)

        yield draw
