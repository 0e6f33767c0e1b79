"""``vivace bench vocoder``: whole, chunked, batched, streamed and graphed, of the published sizes.

Needs torch alone: ``python -m vivace.bench.vocoder --device cuda`` runs from the source tree of a machine that has
nothing else of ours.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor

from vivace.bench.peak_memory import PeakMemory
from vivace.bench.report import as_json
from vivace.bench.vocoder_subjects import Form, Name, Outputs, Precision, build
from vivace.runtime.device import pick_device

HEADER = ("network", "precision", "form", "x real time", "ratio", "first ms", "peak MB", "off by")


@dataclass(frozen=True)
class VocoderPlan:
    """What is measured."""

    networks: tuple[Name, ...] = get_args(Name)
    forms: tuple[Form, ...] = get_args(Form)
    precisions: tuple[Precision, ...] = get_args(Precision)
    seconds: float = 30.0  # of audio
    chunk_size: int = 500  # frames
    repeats: int = 3
    device: str = "cpu"
    threads: int | None = None


@dataclass(frozen=True)
class VocoderFigure:
    """One network in one precision and form."""

    network: Name
    precision: Precision
    form: Form
    x_real_time: float
    ratio: float | None  # to the whole run of the same precision
    first_ms: float  # until the first output
    peak_mb: float | None  # above what was there before, the frames among it
    off_by: float | None  # largest difference from the whole float32 run, in peak amplitudes of it


@dataclass(frozen=True)
class VocoderReport:
    """All figures, and where they were taken."""

    device: str
    threads: int
    torch: str
    seconds: float
    chunk_size: int
    figures: tuple[VocoderFigure, ...]


def measure(plan: VocoderPlan, note: Callable[[str], None] = lambda line: None) -> VocoderReport:
    """Run all that is asked for and possible here. Raises: DeviceError when the device is not there."""
    device = pick_device(plan.device)
    if plan.threads is not None:
        torch.set_num_threads(plan.threads)
    figures: list[VocoderFigure] = []
    for network in plan.networks:
        exact: Tensor | None = None
        for precision in plan.precisions:
            if precision == "bfloat16" and network in ("hifigan", "bigvgan"):
                continue  # they have no part of which it is known to be harmless
            subject = build(network, precision, plan.chunk_size, device)
            torch.manual_seed(1)
            frames = torch.randn(1, subject.channels, round(plan.seconds * subject.frames_per_second), device=device)
            whole: float | None = None
            for form in plan.forms:
                if form not in subject.forms:
                    continue
                note(f"{network}, {precision}, {form}")
                made, first, seconds, peak = _timed(subject.forms[form], frames, plan.repeats, device)
                if form == "whole":
                    whole, exact = seconds, made if exact is None else exact
                off_by = None if exact is None else float((made - exact).abs().max() / exact.abs().max())
                ratio = None if whole is None else whole / seconds
                megabytes = None if peak is None else peak / 1e6
                speed = plan.seconds / seconds
                figures.append(VocoderFigure(network, precision, form, speed, ratio, 1e3 * first, megabytes, off_by))
    name = torch.get_device_module(device).get_device_name() if device.type == "cuda" else str(device)
    return VocoderReport(
        name, torch.get_num_threads(), torch.__version__, plan.seconds, plan.chunk_size, tuple(figures)
    )


@torch.inference_mode()
def _timed(run: Outputs, frames: Tensor, repeats: int, device: torch.device) -> tuple[Tensor, float, float, int | None]:
    """What is made, joined; seconds until its first part and until its last, the best of ``repeats``; peak memory."""
    with PeakMemory(device) as peak:
        made = list(run(frames))
    first = total = float("inf")
    for _ in range(repeats):
        _wait(device)
        started = time.perf_counter()
        parts = run(frames)
        _first_sound(parts)
        _wait(device)
        first = min(first, time.perf_counter() - started)
        for _part in parts:
            pass
        _wait(device)
        total = min(total, time.perf_counter() - started)
    return torch.cat(made, dim=-1), first, total, peak.bytes


def _first_sound(parts: Iterator[Tensor]) -> None:
    while (part := next(parts, None)) is not None:
        if part.numel():
            return


def _wait(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def table(report: VocoderReport) -> list[tuple[str, ...]]:
    """One row per figure, under ``HEADER``."""
    return [
        (
            row.network,
            row.precision,
            row.form,
            f"{row.x_real_time:,.1f}",
            "" if row.ratio is None else f"{row.ratio:.2f}",
            f"{row.first_ms:.1f}",
            "" if row.peak_mb is None else f"{row.peak_mb:,.0f}",
            "" if row.off_by is None else f"{row.off_by:.1e}",
        )
        for row in report.figures
    ]


def caption(report: VocoderReport) -> str:
    """What the table is about, in one line."""
    return (
        f"{report.seconds:g} s of random frames, chunks of {report.chunk_size}; {report.device}, "
        f"threads: {report.threads}, torch {report.torch}"
    )


def json_line(report: VocoderReport) -> str:
    """The report as one line of JSON."""
    return as_json(report)


def main(arguments: Sequence[str] | None = None) -> None:
    """The benchmark without the command line's libraries."""
    parser = argparse.ArgumentParser(prog="python -m vivace.bench.vocoder")
    parser.add_argument("--network", action="append", choices=get_args(Name))
    parser.add_argument("--form", action="append", choices=get_args(Form))
    parser.add_argument("--precision", action="append", choices=get_args(Precision))
    parser.add_argument("--seconds", type=float, default=VocoderPlan.seconds)
    parser.add_argument("--chunk-size", type=int, default=VocoderPlan.chunk_size)
    parser.add_argument("--repeats", type=int, default=VocoderPlan.repeats)
    parser.add_argument("--device", default=VocoderPlan.device)
    parser.add_argument("--threads", type=int)
    given = parser.parse_args(arguments)
    report = measure(
        VocoderPlan(
            networks=tuple(given.network or VocoderPlan.networks),
            forms=tuple(given.form or VocoderPlan.forms),
            precisions=tuple(given.precision or VocoderPlan.precisions),
            seconds=given.seconds,
            chunk_size=given.chunk_size,
            repeats=given.repeats,
            device=given.device,
            threads=given.threads,
        ),
        lambda line: print(line, file=sys.stderr),  # noqa: T201
    )
    rows = [HEADER, *table(report)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADER))]
    sys.stdout.write(caption(report) + "\n")
    for row in rows:
        sys.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n")
    sys.stdout.write(json_line(report) + "\n")


if __name__ == "__main__":
    main()
