"""``vivace bench sovits``: the sound half of GPT-SoVITS, stage by stage."""

import sys
from typing import Annotated, Literal

from typer import Option

from vivace.cli.choices import chosen
from vivace.cli.table import print_table


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
    device: Annotated[str, Option("--device", help="auto, cpu, cuda:0, …")] = "cpu",
    threads: Annotated[int | None, Option("--threads", help="Of torch on the CPU.", min=1)] = None,
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
    report = measure(plan, lambda line: print(line, file=sys.stderr))  # noqa: T201
    sys.stdout.write(caption(report) + "\n")
    print_table(HEADER, table(report))
    sys.stdout.write(json_line(report) + "\n")
