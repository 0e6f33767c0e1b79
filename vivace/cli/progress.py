"""A progress bar on stderr; none when stderr is no terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from vivace.types import Progress


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[Progress], None] | None]:
    """A function that draws each ``Progress`` it is given, or None when nobody would see it."""
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
