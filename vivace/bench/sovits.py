"""``vivace bench sovits``: GPT-SoVITS at its published sizes: loading, the reference path, every stage of S2.

The weights are random, which do the same arithmetic as trained ones.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from vivace.bench.peak_memory import PeakMemory
from vivace.bench.random_gpt_sovits import write_random_gpt_sovits
from vivace.bench.sovits_parts import PartRun, part_runs
from vivace.models.gpt_sovits.checkpoint.parts import load_gpt_sovits
from vivace.models.precision import FramePrecision, PrecisionChoice
from vivace.runtime.device import pick_device

VERSIONS = ("v1", "v2", "v2Pro", "v2ProPlus", "v3", "v4")
HEADER = ("version", "part", "seconds", "CPU s", "CPU s per s of speech", "x real time", "peak MB")


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    versions: tuple[str, ...] = VERSIONS
    seconds: float = 4.0  # of speech
    recording_s: float = 5.0  # of the voice's recording
    repeats: int = 3
    precision: PrecisionChoice = "auto"  # of S1's matrices
    sound_precision: FramePrecision = "auto"  # of most products of S2 and the vocoder
    device: str = "cpu"
    threads: int | None = None


@dataclass(frozen=True)
class Figure:
    """One part of one version."""

    version: str
    part: str
    seconds: float  # median; of flow matching, one step by the number of steps
    cpu_s: float  # of the processor, all threads; other work on the machine changes it little
    audio_s: float | None  # speech that was made meanwhile; None: once per model or voice
    peak_mb: float | None  # above what was there before


@dataclass(frozen=True)
class Report:
    """All figures, and where they were taken."""

    device: str
    threads: int
    torch: str
    sound_precision: str  # as it was asked for
    recording_s: float
    figures: tuple[Figure, ...]


def measure(plan: Plan, note: Callable[[str], None] = lambda line: None) -> Report:
    """Run all that is asked for. Raises: DeviceError when the device is not there."""
    device = pick_device(plan.device)
    if plan.threads is not None:
        torch.set_num_threads(plan.threads)
    figures: list[Figure] = []
    for version in plan.versions:
        figures += _of_version(version, plan, device, note)
    return Report(
        str(device), torch.get_num_threads(), torch.__version__, plan.sound_precision, plan.recording_s, tuple(figures)
    )


@torch.inference_mode()
def _of_version(version: str, plan: Plan, device: torch.device, note: Callable[[str], None]) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        note(f"{version}: writing random weights")
        root = write_random_gpt_sovits(Path(folder) / version, version)
        note(f"{version}: loading")
        with PeakMemory(device) as peak:
            clock = _Clock(device)
            parts = load_gpt_sovits(root, device=device, precision=plan.precision, sound_precision=plan.sound_precision)
            taken = clock.read()
    figures = [Figure(version, "load", *taken, None, _megabytes(peak.bytes))]
    for part in part_runs(parts, plan.seconds, plan.recording_s):
        note(f"{version}: {part.name}")
        taken, most = _timed(part, plan.repeats, device)
        figures.append(Figure(version, part.name, *taken, part.audio_s, _megabytes(most)))
    return figures


class _Clock:
    """Seconds, and seconds of the processor, since it was made."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._started, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        if self._device.type != "cpu":
            torch.accelerator.synchronize(self._device)
        return time.perf_counter() - self._started, time.process_time() - self._cpu


def _timed(part: PartRun, repeats: int, device: torch.device) -> tuple[tuple[float, float], int | None]:
    """Seconds and peak memory; the first run, whose memory is looked at, is not timed."""
    with PeakMemory(device) as peak:
        part.run()
    taken = []
    for _ in range(repeats):
        clock = _Clock(device)
        part.run()
        taken.append(clock.read())
    seconds, cpu = (part.times * statistics.median(times) for times in zip(*taken, strict=True))
    return (seconds, cpu), peak.bytes


def _megabytes(count: int | None) -> float | None:
    return None if count is None else count / 1e6


def table(report: Report) -> list[tuple[str, ...]]:
    """One row per figure, under ``HEADER``."""
    return [
        (
            row.version,
            row.part,
            f"{row.seconds:.3f}",
            f"{row.cpu_s:.3f}",
            "" if row.audio_s is None else f"{row.cpu_s / row.audio_s:.4f}",
            "" if row.audio_s is None else f"{row.audio_s / row.seconds:,.2f}",
            "" if row.peak_mb is None else f"{row.peak_mb:,.0f}",
        )
        for row in report.figures
    ]


def caption(report: Report) -> str:
    """What the table is about, in one line."""
    return (
        f"random weights, S2 in {report.sound_precision}; a recording of {report.recording_s:g} s; "
        f"{report.device}, threads: {report.threads}, torch {report.torch}; "
        "load and reference: once per model and voice"
    )


def json_line(report: Report) -> str:
    """The report as one line of JSON."""
    return json.dumps(asdict(report))
