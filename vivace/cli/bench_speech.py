"""``vivace bench offline`` and ``vivace bench stream``: whole requests, from text to sound."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from typer import Option

from vivace.cli.table import print_table
from vivace.errors import SettingsError

if TYPE_CHECKING:
    from vivace.settings import TTSConfig

Precision = Literal["auto", "float32", "bfloat16", "int8", "int4"]
CHOICES: tuple[Precision, ...] = get_args(Precision)
RandomWeights = Annotated[
    Literal["chattts"] | None,
    Option("--random-weights", help="The published size with random weights; else the embedded voice."),
]
Precisions = Annotated[  # typer has no lists of choices
    list[str] | None, Option("--precision", help=f"One of {', '.join(CHOICES)}; may be repeated.")
]
Device = Annotated[str | None, Option("--device", help="auto, cpu, cuda:0, …")]
ConfigFile = Annotated[Path | None, Option("--config", help="A YAML file of settings.")]
Seed = Annotated[int, Option("--seed", help="Of the arrivals and the voices.", min=0)]


def offline(
    random_weights: RandomWeights = None,
    precision: Precisions = None,
    sentences: Annotated[int | None, Option("--sentences", help="So many of the 200.", min=1)] = None,
    device: Device = None,
    config: ConfigFile = None,
    seed: Seed = 0,
) -> None:
    """Speak 200 fixed sentences one by one, then as one batch."""
    from vivace.bench.offline import HEADER, OfflinePlan, caption, json_line, measure, table

    plan = OfflinePlan(
        config=_settings(config, device),
        subject=random_weights or "embedded",
        precisions=_precisions(precision),
        sentences=sentences,
        seed=seed,
    )
    report = measure(plan, _note)
    sys.stdout.write(caption(report) + "\n")
    print_table(HEADER, table(report))
    sys.stdout.write(json_line(report) + "\n")


def stream(
    users: Annotated[
        list[int] | None, Option("--users", help="Closed load: so many listeners at once; may be repeated.", min=1)
    ] = None,
    rate: Annotated[
        list[float] | None, Option("--rate", help="Open load: requests a second, at random; may be repeated.", min=0)
    ] = None,
    requests: Annotated[int, Option("--requests", help="Of each load.", min=1, max=200)] = 40,
    repeats: Annotated[int, Option("--repeats", help="Rows for each load.", min=1)] = 1,
    random_weights: RandomWeights = None,
    precision: Precisions = None,
    device: Device = None,
    config: ConfigFile = None,
    seed: Seed = 0,
) -> None:
    """Stream speech to listeners: how soon they hear something, and whether they are ever left waiting.

    Without --users and --rate: one listener, four, and one request a second.
    """
    from vivace.bench.stream import Load
    from vivace.bench.stream_report import HEADER, StreamPlan, caption, json_line, measure, table

    if rate and not all(rate):
        raise SettingsError("--rate is 0; give requests per second, above 0")
    loads = (*(Load(users=n) for n in users or ()), *(Load(rate=r) for r in rate or ()))
    plan = StreamPlan(
        config=_settings(config, device),
        loads=loads or (Load(users=1), Load(users=4), Load(rate=1.0)),
        subject=random_weights or "embedded",
        precisions=_precisions(precision),
        requests=requests,
        repeats=repeats,
        seed=seed,
    )
    report = measure(plan, _note)
    sys.stdout.write(caption(report) + "\n")
    print_table(HEADER, table(report))
    sys.stdout.write(json_line(report) + "\n")


def _precisions(names: list[str] | None) -> tuple[Precision, ...]:
    for name in names or ():
        if name not in CHOICES:
            raise SettingsError(f"--precision is {name!r}; give one of {', '.join(CHOICES)}")
    return tuple(choice for name in names or ("auto",) for choice in CHOICES if choice == name)


def _settings(config: Path | None, device: str | None) -> "TTSConfig":
    from vivace.settings import TTSConfig

    return TTSConfig.load(config, device=device)


def _note(line: str) -> None:
    sys.stderr.write(line + "\n")
