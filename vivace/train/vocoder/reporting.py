"""Whom a long job tells what happens."""

from collections.abc import Callable

from vivace.types import Progress

Report = Callable[[str], None]  # one line about what went wrong without ending the job
Advance = Callable[[Progress], None]
