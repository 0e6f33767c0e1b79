"""``vivace bench``: speed on this machine, as a table and one line of JSON."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar, get_args

import typer
from typer import Option

from vivace.cli.output import print_table
from vivace.errors import InputError, SettingsError

if TYPE_CHECKING:
    from vivace.settings import TTSConfig

app = typer.Typer(help="Measure speed: a table, then one line of JSON.", rich_markup_mode=None)

W = TypeVar("W", bound=str)
MatrixPrecision = Literal["float32", "bfloat16", "int8", "int4"]
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
CpuDevice = Annotated[str, Option("--device", help="auto, cpu, cuda:0, …")]
Native = Annotated[bool, Option("--native/--no-native", help="Use the compiled kernels, or plain torch.")]
Threads = Annotated[int | None, Option("--threads", help="Number of torch's threads on the CPU.", min=1)]
ConfigFile = Annotated[Path | None, Option("--config", help="A YAML file of settings.")]
Seed = Annotated[int, Option("--seed", help="Seed of the arrivals and of the speech.", min=0)]


@app.callback()
def bench() -> None:
    """Measure speed: a table, then one line of JSON."""


def chosen(given: Sequence[str] | None, known: Sequence[W], default: Sequence[W], option: str) -> tuple[W, ...]:
    """The given words, or the default: typer takes repeated options as plain text only.

    Raises:
        InputError: a word is not known.
    """
    words = {str(word): word for word in known}
    for word in given or ():
        if word not in words:
            raise InputError(f"{option} {word!r} is not known; use {', '.join(words)}")
    return tuple(words[word] for word in given) if given else tuple(default)


def _print_report(header: Sequence[str], rows: Iterable[Sequence[str]], json_line: str, caption: str = "") -> None:
    if caption:
        sys.stdout.write(caption + "\n")
    print_table(header, rows)
    sys.stdout.write(json_line + "\n")


def _note(line: str) -> None:
    sys.stderr.write(line + "\n")


@app.command()
def ar(
    random_weights: Annotated[
        Literal["chattts", "gpt-sovits"] | None,
        Option("--random-weights", help="The published size with random weights; else the embedded voice."),
    ] = None,
    precision: Annotated[
        list[str] | None, Option("--precision", help="float32, bfloat16, int8 or int4 only; may be repeated.")
    ] = None,
    batch: Annotated[list[int] | None, Option("--batch", help="Streams at once; may be repeated.", min=1)] = None,
    prompt: Annotated[int, Option(help="Positions of the prompt.", min=1)] = 32,
    steps: Annotated[int, Option(help="Steps to time.", min=1)] = 48,
    baseline: Annotated[
        bool, Option("--baseline", help="Also time a plain transformers Llama of the same shape, float32, one stream.")
    ] = False,
    device: CpuDevice = "cpu",
    native: Native = True,
    threads: Threads = None,
) -> None:
    """Time decoding steps of the engine: embedding, layers, heads and sampling."""
    from vivace.bench.ar import (
        DEFAULT_BATCHES,
        HEADER,
        DecodingPlan,
        caption,
        default_precisions,
        json_line,
        measure,
        table,
    )
    from vivace.settings import TTSConfig

    config = TTSConfig.load()
    plan = DecodingPlan(
        subject=random_weights or "embedded",
        precisions=chosen(precision, get_args(MatrixPrecision), default_precisions(device), "--precision"),
        batches=tuple(batch or DEFAULT_BATCHES),
        prompt=prompt,
        steps=steps,
        baseline=baseline,
        device=device,
        threads=threads,
        kernels=config.paths.cache_dir / "native" if native else None,
        cpu_kind=config.cpu_kind,
    )

    report = measure(plan, _note)
    _print_report(HEADER, table(report), json_line(report), caption(report))


@app.command()
def vocoder(
    network: Annotated[
        list[str] | None, Option("--network", help="vocos, decoder, hifigan or bigvgan only; may be repeated.")
    ] = None,
    form: Annotated[
        list[str] | None, Option("--form", help="whole, chunked, batched, streamed or graphed only; may be repeated.")
    ] = None,
    precision: Annotated[
        list[str] | None,
        Option("--precision", help="float32, bfloat16, float32-native or int16 only; may be repeated."),
    ] = None,
    seconds: Annotated[float, Option(help="Of audio.", min=0.1)] = 30.0,
    chunk_size: Annotated[int, Option("--chunk-size", help="Frames of a chunk.", min=1)] = 500,
    repeats: Annotated[int, Option(help="Runs of which the best counts.", min=1)] = 3,
    device: CpuDevice = "cpu",
    native: Native = True,
    threads: Threads = None,
) -> None:
    """Time frames to samples: the vocoders and ChatTTS's Decoder in their published sizes, random weights."""
    from vivace.bench.vocoder import HEADER, VocoderPlan, caption, json_line, measure, table
    from vivace.settings import TTSConfig

    plan = VocoderPlan(
        networks=chosen(network, VocoderPlan.networks, VocoderPlan.networks, "--network"),
        forms=chosen(form, VocoderPlan.forms, VocoderPlan.forms, "--form"),
        precisions=chosen(precision, VocoderPlan.precisions, VocoderPlan.precisions, "--precision"),
        seconds=seconds,
        chunk_size=chunk_size,
        repeats=repeats,
        device=device,
        threads=threads,
        kernels=TTSConfig.load().paths.cache_dir / "native" if native else None,
    )
    report = measure(plan, _note)
    _print_report(HEADER, table(report), json_line(report), caption(report))


@app.command()
def sovits(
    version: Annotated[
        list[str] | None, Option("--version", help="v1, v2, v2Pro, v2ProPlus, v3 or v4 only; may be repeated.")
    ] = None,
    seconds: Annotated[float, Option(help="Of speech.", min=0.5, max=60)] = 4.0,
    recording: Annotated[float, Option(help="Seconds of the voice's recording.", min=3, max=10)] = 5.0,
    repeats: Annotated[int, Option(help="Each figure is the median of so many.", min=1)] = 3,
    precision: Annotated[
        Literal["auto", "float32", "bfloat16", "int8", "int4"], Option("--precision", help="Of S1's matrices.")
    ] = "auto",
    sound_precision: Annotated[
        Literal["auto", "float32", "bfloat16"], Option("--sound-precision", help="Of most products of S2 and vocoder.")
    ] = "auto",
    device: CpuDevice = "cpu",
    threads: Threads = None,
) -> None:
    """Time GPT-SoVITS at its published sizes, random weights: loading, the reference path, every stage of S2."""
    from vivace.bench.sovits import HEADER, VERSIONS, SoVITSPlan, caption, json_line, measure, table

    plan = SoVITSPlan(
        versions=chosen(version, VERSIONS, VERSIONS, "--version"),
        seconds=seconds,
        recording_s=recording,
        repeats=repeats,
        precision=precision,
        sound_precision=sound_precision,
        device=device,
        threads=threads,
    )
    report = measure(plan, _note)
    _print_report(HEADER, table(report), json_line(report), caption(report))


@app.command()
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
    _print_report(HEADER, table(report), json_line(report), caption(report))


@app.command()
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
    from vivace.bench.stream import HEADER, Load, StreamPlan, caption, json_line, measure, table

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
    _print_report(HEADER, table(report), json_line(report), caption(report))


def _precisions(names: list[str] | None) -> tuple[Precision, ...]:
    for name in names or ():
        if name not in CHOICES:
            raise SettingsError(f"--precision is {name!r}; give one of {', '.join(CHOICES)}")
    return tuple(choice for name in names or ("auto",) for choice in CHOICES if choice == name)


def _settings(config: Path | None, device: str | None) -> "TTSConfig":
    from vivace.settings import TTSConfig

    return TTSConfig.load(config, device=device)


@app.command()
def levels(
    repeats: Annotated[int, Option("--repeats", help="Each figure is the median of so many.", min=1)] = 3,
    length: Annotated[list[str] | None, Option("--length", help="short, medium, long; may be repeated.")] = None,
    shares: Annotated[bool, Option("--shares/--no-shares", help="What each measure is worth.")] = True,
    device: Device = None,
    config: ConfigFile = None,
    seed: Annotated[int, Option("--seed", min=0)] = 0,
) -> None:
    """The optimisation guide's three levels on this machine: short, medium and long text, and many at once."""
    from vivace.bench.optimization_levels import LENGTHS, LevelsPlan, header, json_line, measure, table
    from vivace.settings import TTSConfig

    for name in length or ():
        if name not in LENGTHS:
            raise SettingsError(f"--length is {name!r}; give {', '.join(LENGTHS)}")
    lengths = tuple(name for name in LENGTHS if not length or name in length)
    plan = LevelsPlan(TTSConfig.load(config, device=device), repeats=repeats, seed=seed, lengths=lengths, shares=shares)
    report = measure(plan, _note)
    _print_report(header(plan), table(report), json_line(report))


@app.command()
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
    _print_report(HEADER, table(met), json_line(met))
