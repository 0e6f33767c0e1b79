"""A row of the table of precisions (``vivace/models/cpu_speed.py``): frames per second on this kind of CPU.

usage: python benchmarks/precision_table.py [--model embedded] [--steps 48]

Prints the row to append to ``TABLE``. ``embedded`` is the row for small models, ``chattts`` and ``gpt-sovits`` (random
weights of the published sizes) are two for large ones: the table has that of ``chattts``, and this script says whether
the other one would choose otherwise. To measure a lesser kind than the CPU's own, set ``VIVACE_CPU_KIND``, and for
torch ``ATEN_CPU_CAPABILITY`` and ``ONEDNN_MAX_CPU_ISA``. Leave the machine alone meanwhile. The last line is JSON.
"""

import argparse
import datetime
import json
import platform
import sys
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import torch

from vivace.bench.ar import BUILDERS, DecodingPlan, DecodingReport, Subject, measure
from vivace.models.cpu_speed import CANDIDATES, MANY, Load, MeasuredRow, cpu_kind, fastest, measured, size_of
from vivace.runtime.device import multiplies_bfloat16
from vivace.settings import TTSConfig
from vivace.types import Precision


def speeds_of(report: DecodingReport) -> dict[str, tuple[float, float]]:
    """Frames per second with one stream and with many, by precision."""
    rate = {(row.precision, row.batch): row.steps_per_s for row in report.rows}
    return {name: (round(rate[name, 1], 1), round(rate[name, MANY], 1)) for name in dict.fromkeys(n for n, _ in rate)}


def cpu_name() -> str:
    """As the system has it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())


def row(subject: Subject, steps: int) -> MeasuredRow:
    """Measure a model in all precisions that a CPU may choose."""
    device = torch.device("cpu")
    precisions: list[Precision] = [p for p in CANDIDATES if p != "bfloat16" or multiplies_bfloat16(device)]
    config = TTSConfig.load()
    folder = config.paths.cache_dir / "native"
    plan = DecodingPlan(
        subject, tuple(precisions), batches=(1, MANY), steps=steps, kernels=folder, cpu_kind=config.cpu_kind
    )
    report = measure(plan, lambda line: print(line, file=sys.stderr))
    weights = BUILDERS[subject]("float32").weights
    machine = f"{cpu_name()}, {report.threads} of {torch.get_num_threads()} threads, {datetime.date.today()}"
    return measured(cpu_kind(), size_of(weights), machine, **speeds_of(report))


def main() -> None:
    parser = argparse.ArgumentParser(description="A row of the table of precisions.")
    parser.add_argument("--model", action="append", choices=get_args(Subject), help="may be repeated; else all")
    parser.add_argument("--steps", type=int, default=48)
    options = parser.parse_args()
    for subject in options.model or get_args(Subject):
        made = row(subject, options.steps)
        speeds = "".join(f", {name}=({s.one}, {s.many})" for name, s in made.speeds.items())
        print(f'    measured("{made.kind}", "{made.size}", "{made.machine}"{speeds}),')
        loads: tuple[Load, ...] = get_args(Load)
        print(f"    # {subject}: " + ", ".join(f"{load} {fastest(made.speeds, load)}" for load in loads))
        print(json.dumps({"model": subject, **asdict_of(made)}))


def asdict_of(made: MeasuredRow) -> dict[str, object]:
    """For JSON."""
    speeds = {name: asdict(speed) for name, speed in made.speeds.items()}
    return {"kind": made.kind, "size": made.size, "machine": made.machine, "speeds": speeds}


if __name__ == "__main__":
    main()
