"""``vivace bench``: how fast it is here."""

import sys
from typing import Annotated, Literal

import typer
from typer import Option

from vivace.cli.table import print_table

app = typer.Typer(help="Measure speed: a table for people, one line of JSON last.", rich_markup_mode=None)

Precision = Literal["float32", "bfloat16", "int8", "int4"]


@app.callback()
def bench() -> None:
    """Measure speed: a table for people, one line of JSON last."""


@app.command()
def ar(
    random_weights: Annotated[
        Literal["chattts"] | None,
        Option("--random-weights", help="The published size with random weights; else the embedded voice."),
    ] = None,
    precision: Annotated[list[Precision] | None, Option("--precision", help="Only this one; may be repeated.")] = None,
    batch: Annotated[list[int] | None, Option("--batch", help="Streams at once; may be repeated.", min=1)] = None,
    prompt: Annotated[int, Option(help="Positions of the prompt.", min=1)] = 32,
    steps: Annotated[int, Option(help="Steps to time.", min=1)] = 48,
    baseline: Annotated[
        bool, Option("--baseline", help="Also time a plain transformers Llama of the same shape, float32, one stream.")
    ] = False,
    device: Annotated[str, Option("--device", help="auto, cpu, cuda:0, …")] = "cpu",
    threads: Annotated[int | None, Option("--threads", help="Of torch on the CPU.", min=1)] = None,
) -> None:
    """Time decoding steps of the engine: embedding, layers, heads and sampling."""
    from vivace.bench.ar import DEFAULT_BATCHES, DEFAULT_PRECISIONS, Plan, measure
    from vivace.bench.ar_report import HEADER, caption, json_line, table
    from vivace.runtime.device import pick_device

    chosen = pick_device(device)
    plan = Plan(
        subject=random_weights or "embedded",
        precisions=tuple(precision or DEFAULT_PRECISIONS[chosen.type == "cpu"]),
        batches=tuple(batch or DEFAULT_BATCHES),
        prompt=prompt,
        steps=steps,
        baseline=baseline,
        device=str(chosen),
        threads=threads,
    )

    def note(line: str) -> None:
        sys.stderr.write(line + "\n")

    report = measure(plan, note)
    sys.stdout.write(caption(report) + "\n")
    print_table(HEADER, table(report))
    sys.stdout.write(json_line(report) + "\n")
