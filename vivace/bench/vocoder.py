"""``vivace bench vocoder``: whole, chunked, batched, streamed and graphed, of the published sizes.

Needs torch alone: ``python -m vivace.bench.vocoder --device cuda`` runs from the source tree of a machine that has
nothing else of ours.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from vivace.bench.report import Machine, PeakMemory, as_json, machine_of
from vivace.layers.convnext import hold_frames
from vivace.layers.native.convnext import Form as NativeForm
from vivace.layers.native.convnext import is_quick
from vivace.layers.native.kernels import activate, deactivate, kernels
from vivace.models.chattts.checkpoint.config import StackConfig
from vivace.models.chattts.dvae import SpectrogramDecoder
from vivace.runtime.device import pick_device
from vivace.vocoder.bigvgan import BigVGAN
from vivace.vocoder.chunked import Chunked, ChunkedVocoder
from vivace.vocoder.graphed import GraphedVocoder
from vivace.vocoder.hifigan import HiFiGAN
from vivace.vocoder.streams import ConvNetwork, ConvStreams, StreamInput, Streams, StreamState
from vivace.vocoder.vocos import Vocos

# C channels, T frames


Name = Literal["vocos", "decoder", "hifigan", "bigvgan"]
Form = Literal["whole", "chunked", "batched", "streamed", "graphed"]
Precision = Literal["float32", "bfloat16", "float32-native", "int16"]  # the latter two by the compiled kernels
Outputs = Callable[[Tensor], Iterator[Tensor]]  # frames [1, C, T] -> what is made of them, part by part

BATCHED_BYTES = 2 << 30  # that the windows of the batched form may take together
PUBLISHED_DECODER = StackConfig(idim=384, odim=384, hidden=512)  # of ChatTTS: hidden states to mel
CODES_PER_SECOND = 24_000 / 512
FORMS: Mapping[Precision, NativeForm] = {"float32-native": "float32", "int16": "int16"}


@dataclass(frozen=True, eq=False)
class Subject:
    """A network in its forms."""

    channels: int
    frames_per_second: float
    forms: Mapping[Form, Outputs]
    parameters: int


def build(name: Name, precision: Precision, chunk_size: int, device: torch.device) -> Subject:
    """The published size with random weights."""
    torch.manual_seed(0)
    if name == "decoder":
        return _decoder(precision, chunk_size, device)
    vocoder = _vocoder(name).to(device).eval().requires_grad_(False)
    parameters = sum(p.numel() for p in vocoder.parameters())
    _hold(vocoder, precision)
    forms: dict[Form, Outputs] = {
        "whole": _at_once(vocoder),
        "chunked": ChunkedVocoder(vocoder, chunk_size).chunks,
        "batched": ChunkedVocoder(vocoder, chunk_size, memory_bytes=BATCHED_BYTES).chunks,
        "streamed": _streamed(vocoder.streams(), chunk_size, torch.flatten),
    }
    graphed = GraphedVocoder(vocoder, chunk_size=chunk_size)
    if graphed.graph.why_not is None:
        forms["graphed"] = ChunkedVocoder(vocoder, chunk_size, run=graphed.rows, equal=True).chunks
    rate = vocoder.sample_rate / vocoder.hop
    return Subject(100, rate, forms, parameters)


def possible(name: Name, precision: Precision, device: torch.device) -> bool:
    """Whether ``build`` can: the generators have no part of which fewer bits are known to be harmless."""
    if precision == "float32":
        return True
    if name in ("hifigan", "bigvgan"):
        return False
    return precision == "bfloat16" or (device.type == "cpu" and is_quick(kernels(), FORMS[precision]))


def _hold(module: nn.Module, precision: Precision) -> None:
    if precision in FORMS:
        hold_frames(module, FORMS[precision])
    else:
        hold_frames(module, "bfloat16" if precision == "bfloat16" else "float32", fuse=False)


def _vocoder(name: Name) -> Vocos | HiFiGAN | BigVGAN:
    if name == "hifigan":
        return HiFiGAN()
    return BigVGAN() if name == "bigvgan" else Vocos()


def _decoder(precision: Precision, chunk_size: int, device: torch.device) -> Subject:
    decoder = SpectrogramDecoder(PUBLISHED_DECODER).to(device).eval().requires_grad_(False)
    parameters = sum(p.numel() for p in decoder.parameters())
    _hold(decoder, precision)
    rate = decoder.frames_per_code
    context = -(-decoder.receptive_field // rate)

    def chunked(memory_bytes: int | None) -> Chunked:
        workspace = rate * 9 * PUBLISHED_DECODER.hidden
        size = chunk_size // rate  # as many mel frames as a vocoder's window
        return Chunked(
            decoder, hop=rate, context=context, chunk_size=size, workspace=workspace, memory_bytes=memory_bytes
        )

    streams = ConvStreams(ConvNetwork(decoder.run, decoder.receptive_field, rate=rate))
    forms: dict[Form, Outputs] = {
        "whole": _at_once(decoder),
        "chunked": chunked(None).chunks,
        "batched": chunked(BATCHED_BYTES).chunks,
        "streamed": _streamed(streams, chunk_size // rate, torch.t),
    }
    return Subject(decoder.width, CODES_PER_SECOND, forms, parameters)


def _at_once(network: Callable[[Tensor], Tensor]) -> Outputs:
    return lambda frames: (network(part) for part in (frames,))


def _streamed(streams: Streams, size: int, shape: Callable[[Tensor], Tensor]) -> Outputs:
    """``shape`` makes outputs, as a whole run has them, of a stream's ``[n, W]``."""

    def run(frames: Tensor) -> Iterator[Tensor]:
        state = StreamState()
        parts = torch.split(frames[0], size, dim=1)
        for i, part in enumerate(parts):
            yield shape(streams.push([StreamInput(state, part, last=i + 1 == len(parts))])[0])[None]

    return run


HEADER = ("network", "precision", "form", "x real time", "ratio", "first ms", "peak MB", "off by")


@dataclass(frozen=True)
class VocoderPlan:
    """Settings of one run of the benchmark."""

    networks: tuple[Name, ...] = get_args(Name)
    forms: tuple[Form, ...] = get_args(Form)
    precisions: tuple[Precision, ...] = get_args(Precision)
    seconds: float = 30.0  # of audio
    chunk_size: int = 500  # frames
    repeats: int = 3
    device: str = "cpu"
    threads: int | None = None
    kernels: Path | None = None  # where the compiled kernels are kept; None: plain torch


@dataclass(frozen=True)
class VocoderFigure:
    """One network in one precision and form, or the two of ChatTTS together."""

    network: Name | Literal["decoder + vocos"]
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

    machine: Machine
    seconds: float
    chunk_size: int
    figures: tuple[VocoderFigure, ...]


def measure(plan: VocoderPlan, note: Callable[[str], None] = lambda line: None) -> VocoderReport:
    """Run all that is asked for and possible here. Raises: DeviceError when the device is not there."""
    device = pick_device(plan.device)
    if plan.threads is not None:
        torch.set_num_threads(plan.threads)
    if plan.kernels is None or not activate(plan.kernels):
        deactivate()
    figures: list[VocoderFigure] = []
    for network in plan.networks:
        exact: Tensor | None = None
        for precision in plan.precisions:
            if not possible(network, precision, device):
                continue
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
    return VocoderReport(machine_of(name), plan.seconds, plan.chunk_size, (*figures, *_together(figures)))


def _together(figures: Sequence[VocoderFigure]) -> Iterator[VocoderFigure]:
    """One after the other, as ChatTTS runs them; the ratio is to the whole run in float32 by torch."""
    first, second = ([row for row in figures if row.network == name] for name in ("decoder", "vocos"))
    plain: float | None = None
    for one, other in product(first, second):
        if (one.precision, one.form) != (other.precision, other.form):
            continue
        speed = 1 / (1 / one.x_real_time + 1 / other.x_real_time)
        if (one.precision, one.form) == ("float32", "whole"):
            plain = speed
        ratio = None if plain is None else speed / plain
        yield VocoderFigure(
            "decoder + vocos", one.precision, one.form, speed, ratio, one.first_ms + other.first_ms, None, None
        )


@torch.inference_mode()
def _timed(run: Outputs, frames: Tensor, repeats: int, device: torch.device) -> tuple[Tensor, float, float, int | None]:
    """The joined wave; seconds to its first and to its last part, best of ``repeats``; peak memory."""
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
    """The subject and the conditions of the table, in one line."""
    return f"{report.seconds:g} s of random frames, chunks of {report.chunk_size}; {report.machine}"


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
    parser.add_argument("--kernels", type=Path, help="folder of the compiled kernels; without it: plain torch")
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
            kernels=given.kernels,
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
