"""``vivace bench levels`` and ``vivace bench serve``: the guide's table, and a server under load."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Option

from vivace.cli.table import print_table

ConfigFile = Annotated[Path | None, Option("--config", help="A YAML file of settings.")]


def levels(
    repeats: Annotated[int, Option("--repeats", help="Each figure is the median of so many.", min=1)] = 3,
    shares: Annotated[bool, Option("--shares/--no-shares", help="What each measure is worth.")] = True,
    device: Annotated[str | None, Option("--device", help="auto, cpu, cuda:0, …")] = None,
    config: ConfigFile = None,
    seed: Annotated[int, Option("--seed", min=0)] = 0,
) -> None:
    """The optimisation guide's three levels on this machine: short, medium and long text, and many at once."""
    from vivace.bench.levels import HEADER, Plan, json_line, measure, table
    from vivace.settings import TTSConfig

    report = measure(Plan(TTSConfig.load(config, device=device), repeats=repeats, seed=seed, shares=shares), _note)
    print_table(HEADER, table(report))
    sys.stdout.write(json_line(report) + "\n")


def _note(line: str) -> None:
    sys.stderr.write(line + "\n")
