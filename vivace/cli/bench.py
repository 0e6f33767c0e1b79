"""``vivace bench``: how fast it is here."""

import sys
from typing import Annotated, Literal, get_args

import typer
from typer import Option

from vivace.cli import bench_levels, bench_sovits, bench_speech
from vivace.cli.choices import chosen
from vivace.cli.table import print_table

app = typer.Typer(help="Measure speed: a table for people, one line of JSON last.", rich_markup_mode=None)

Precision = Literal["float32", "bfloat16", "int8", "int4"]


@app.callback()
def bench() -> None:
    """Measure speed: a table for people, one line of JSON last."""


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
    device: Annotated[str, Option("--device", help="auto, cpu, cuda:0, …")] = "cpu",
    native: Annotated[bool, Option("--native/--no-native", help="The compiled kernels, or plain torch.")] = True,
    threads: Annotated[int | None, Option("--threads", help="Of torch on the CPU.", min=1)] = None,
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

    def note(line: str) -> None:
        sys.stderr.write(line + "\n")

    report = measure(plan, note)
    sys.stdout.write(caption(report) + "\n")
    print_table(HEADER, table(report))
    sys.stdout.write(json_line(report) + "\n")


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
    device: Annotated[str, Option("--device", help="auto, cpu, cuda:0, …")] = "cpu",
    native: Annotated[bool, Option("--native/--no-native", help="The compiled kernels, or plain torch.")] = True,
    threads: Annotated[int | None, Option("--threads", help="Of torch on the CPU.", min=1)] = None,
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
    report = measure(plan, lambda line: print(line, file=sys.stderr))  # noqa: T201
    sys.stdout.write(caption(report) + "\n")
    print_table(HEADER, table(report))
    sys.stdout.write(json_line(report) + "\n")


app.command("sovits")(bench_sovits.sovits)
app.command("offline")(bench_speech.offline)
app.command("stream")(bench_speech.stream)
app.command("levels")(bench_levels.levels)
app.command("serve")(bench_levels.serve)
