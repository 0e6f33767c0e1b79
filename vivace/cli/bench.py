"""``vivace bench``: speed on this machine, as a table and one line of JSON."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar, get_args

import typer
from typer import Option

from vivace.cli.output import print_table
from vivace.errors import InputError, SettingsError
from vivace.types import Precision, PrecisionChoice

if TYPE_CHECKING:
    from vivace.settings import TTSConfig

app = typer.Typer(help="Measure speed: a table, then one line of JSON.", rich_markup_mode=None)

W = TypeVar("W", bound=str)
CHOICES: tuple[PrecisionChoice, ...] = get_args(PrecisionChoice)
RandomWeights = Annotated[
    Literal["chattts"] | None,
    Option("--random-weights", help="Use the published size with random weights instead of the embedded voice."),
]
Precisions = Annotated[  # typer has no lists of choices
    list[str] | None, Option("--precision", help=f"Precision to measure: {', '.join(CHOICES)}. Repeatable.")
]
Device = Annotated[str | None, Option("--device", help="Device: auto, cpu, cuda:0 and so on.")]
CpuDevice = Annotated[str, Option("--device", help="Device: auto, cpu, cuda:0 and so on.")]
Native = Annotated[bool, Option("--native/--no-native", help="Use the compiled kernels, or plain torch.")]
Threads = Annotated[int | None, Option("--threads", help="Number of torch's threads on the CPU.", min=1)]
ConfigFile = Annotated[Path | None, Option("--config", help="YAML file of settings.")]
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
        Option("--random-weights", help="Use the published size with random weights instead of the embedded voice."),
    ] = None,
    precision: Annotated[
        list[str] | None,
        Option("--precision", help="Precision to measure: float32, bfloat16, int8 or int4. Repeatable."),
    ] = None,
    batch: Annotated[list[int] | None, Option("--batch", help="Number of parallel streams. Repeatable.", min=1)] = None,
    prompt: Annotated[int, Option(help="Length of the prompt in positions.", min=1)] = 32,
    steps: Annotated[int, Option(help="Number of steps to time.", min=1)] = 48,
    baseline: Annotated[
        bool, Option("--baseline", help="Also time a transformers Llama of the same shape (float32, one stream).")
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
        precisions=chosen(precision, get_args(Precision), default_precisions(device), "--precision"),
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
        list[str] | None,
        Option("--network", help="Network to measure: vocos, decoder, hifigan or bigvgan. Repeatable."),
    ] = None,
    form: Annotated[
        list[str] | None,
        Option("--form", help="Form to measure: whole, chunked, batched, streamed or graphed. Repeatable."),
    ] = None,
    precision: Annotated[
        list[str] | None,
        Option("--precision", help="Precision to measure: float32, bfloat16, float32-native or int16. Repeatable."),
    ] = None,
    seconds: Annotated[float, Option(help="Seconds of audio.", min=0.1)] = 30.0,
    chunk_size: Annotated[int, Option("--chunk-size", help="Number of frames in a chunk.", min=1)] = 500,
    repeats: Annotated[int, Option(help="Number of runs. The best one counts.", min=1)] = 3,
    device: CpuDevice = "cpu",
    native: Native = True,
    threads: Threads = None,
) -> None:
    """Time the vocoders and ChatTTS's decoder, in their published sizes with random weights."""
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
        list[str] | None,
        Option("--version", help="Version to measure: v1, v2, v2Pro, v2ProPlus, v3 or v4. Repeatable."),
    ] = None,
    seconds: Annotated[float, Option(help="Seconds of speech.", min=0.5, max=60)] = 4.0,
    recording: Annotated[float, Option(help="Seconds of the reference recording.", min=3, max=10)] = 5.0,
    repeats: Annotated[int, Option(help="Number of runs. Each figure is their median.", min=1)] = 3,
    precision: Annotated[
        PrecisionChoice,
        Option("--precision", help="Precision of the matrices of S1."),
    ] = "auto",
    sound_precision: Annotated[
        Literal["auto", "float32", "bfloat16"],
        Option("--sound-precision", help="Precision of most products of S2 and the vocoder."),
    ] = "auto",
    device: CpuDevice = "cpu",
    threads: Threads = None,
) -> None:
    """Time the stages of GPT-SoVITS in its published sizes with random weights."""
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
    sentences: Annotated[int | None, Option("--sentences", help="Number of sentences, at most 200.", min=1)] = None,
    device: Device = None,
    config: ConfigFile = None,
    seed: Seed = 0,
) -> None:
    """Synthesize 200 fixed sentences one by one, then as one batch."""
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
        list[int] | None, Option("--users", help="Closed load: the number of parallel listeners. Repeatable.", min=1)
    ] = None,
    rate: Annotated[
        list[float] | None, Option("--rate", help="Open load: requests per second, at random times. Repeatable.", min=0)
    ] = None,
    requests: Annotated[int, Option("--requests", help="Number of requests of each load.", min=1, max=200)] = 40,
    repeats: Annotated[int, Option("--repeats", help="Number of rows for each load.", min=1)] = 1,
    random_weights: RandomWeights = None,
    precision: Precisions = None,
    device: Device = None,
    config: ConfigFile = None,
    seed: Seed = 0,
) -> None:
    """Measure streams of speech: the time to the first audio, and the underruns of a player.

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


def _precisions(names: list[str] | None) -> tuple[PrecisionChoice, ...]:
    for name in names or ():
        if name not in CHOICES:
            raise SettingsError(f"--precision is {name!r}; give one of {', '.join(CHOICES)}")
    return tuple(choice for name in names or ("auto",) for choice in CHOICES if choice == name)


def _settings(config: Path | None, device: str | None) -> "TTSConfig":
    from vivace.settings import TTSConfig

    return TTSConfig.load(config, device=device)


@app.command()
def levels(
    repeats: Annotated[int, Option("--repeats", help="Number of runs. Each figure is their median.", min=1)] = 3,
    length: Annotated[
        list[str] | None, Option("--length", help="Text to speak: short, medium or long. Repeatable.")
    ] = None,
    shares: Annotated[
        bool, Option("--shares/--no-shares", help="Also measure the effect of each optimization.")
    ] = True,
    device: Device = None,
    config: ConfigFile = None,
    seed: Annotated[int, Option("--seed", help="Random seed.", min=0)] = 0,
) -> None:
    """Measure the three levels of the optimization guide: short, medium and long text, and parallel requests."""
    from vivace.bench.optimization_levels import LENGTHS, LevelsPlan, caption, header, json_line, measure, table
    from vivace.settings import TTSConfig

    for name in length or ():
        if name not in LENGTHS:
            raise SettingsError(f"--length is {name!r}; give {', '.join(LENGTHS)}")
    lengths = tuple(name for name in LENGTHS if not length or name in length)
    plan = LevelsPlan(TTSConfig.load(config, device=device), repeats=repeats, seed=seed, lengths=lengths, shares=shares)
    report = measure(plan, _note)
    _print_report(header(plan), table(report), json_line(report), caption(report))


@app.command()
def serve(
    url: Annotated[
        str, Option("--url", help="Address of a running server with OpenAI's API.")
    ] = "http://127.0.0.1:8880",
    users: Annotated[list[int] | None, Option("--users", help="Number of parallel users. Repeatable.", min=1)] = None,
    rate: Annotated[
        list[float] | None, Option("--rate", help="Requests per second, at random times. Repeatable.", min=0.001)
    ] = None,
    seconds: Annotated[float, Option("--seconds", help="Duration of each load in seconds.", min=1)] = 60.0,
    together: Annotated[bool, Option("--together", help="Pair the values of --users and --rate.")] = False,
    voice: Annotated[str, Option("--voice", help="Voice of the requests.")] = "alloy",
    api_key: Annotated[str, Option("--api-key", help="API key of the server.")] = "none",
) -> None:
    """Measure a running server under load: statuses, first audio, underruns. The default is 8 users.

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
