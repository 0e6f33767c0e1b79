"""``vivace bench levels`` and ``vivace bench serve``: the guide's table, and a server under load."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Option

from vivace.cli.table import print_table
from vivace.errors import SettingsError

ConfigFile = Annotated[Path | None, Option("--config", help="A YAML file of settings.")]


def levels(
    repeats: Annotated[int, Option("--repeats", help="Each figure is the median of so many.", min=1)] = 3,
    length: Annotated[list[str] | None, Option("--length", help="short, medium, long; may be repeated.")] = None,
    shares: Annotated[bool, Option("--shares/--no-shares", help="What each measure is worth.")] = True,
    device: Annotated[str | None, Option("--device", help="auto, cpu, cuda:0, …")] = None,
    config: ConfigFile = None,
    seed: Annotated[int, Option("--seed", min=0)] = 0,
) -> None:
    """The optimisation guide's three levels on this machine: short, medium and long text, and many at once."""
    from vivace.bench.levels import LENGTHS, LevelsPlan, header, json_line, measure, table
    from vivace.settings import TTSConfig

    for name in length or ():
        if name not in LENGTHS:
            raise SettingsError(f"--length is {name!r}; give {', '.join(LENGTHS)}")
    lengths = tuple(name for name in LENGTHS if not length or name in length)
    plan = LevelsPlan(TTSConfig.load(config, device=device), repeats=repeats, seed=seed, lengths=lengths, shares=shares)
    report = measure(plan, _note)
    print_table(header(plan), table(report))
    sys.stdout.write(json_line(report) + "\n")


def _note(line: str) -> None:
    sys.stderr.write(line + "\n")


def serve(
    url: Annotated[str, Option("--url", help="A running server that speaks OpenAI's API.")] = "http://127.0.0.1:8880",
    users: Annotated[list[int] | None, Option("--users", help="So many at once; may be repeated.", min=1)] = None,
    rate: Annotated[
        list[float] | None, Option("--rate", help="Requests a second, at random; may be repeated.", min=0.001)
    ] = None,
    seconds: Annotated[float, Option("--seconds", help="Of each load.", min=1)] = 60.0,
    together: Annotated[bool, Option("--together", help="Pair --users with --rate.")] = False,
    voice: Annotated[str, Option("--voice")] = "alloy",
    api_key: Annotated[str, Option("--api-key")] = "none",
) -> None:
    """Put load on a running server: statuses, first audio, underruns. Without --users and --rate: 8 users.

    With --together, users and rates are paired: so many users, who ask no more often than that together.
    """
    from vivace.bench.serve import HEADER, ServerLoad, drive, json_line, table

    loads = [*(ServerLoad(seconds, users=n) for n in users or ()), *(ServerLoad(seconds, rate=r) for r in rate or ())]
    if together:
        if len(users or ()) != len(rate or ()):
            raise SettingsError(
                f"--together needs a --rate for each --users; got {len(rate or ())}, {len(users or ())}"
            )
        loads = [ServerLoad(seconds, users=n, rate=r) for n, r in zip(users or (), rate or (), strict=True)]
    met = []
    for load in loads or [ServerLoad(seconds, users=8)]:
        _note(f"users: {load.users or 'as they come'}, requests/s: {load.rate or 'as they finish'}")
        met.append((load, drive(url, load, voice=voice, api_key=api_key)))
    print_table(HEADER, table(met))
    sys.stdout.write(json_line(met) + "\n")
