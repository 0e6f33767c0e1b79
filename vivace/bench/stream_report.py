"""``vivace bench stream``: the plan, the table for people, the line for machines."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from vivace.bench.report import as_json
from vivace.bench.sentences import spread
from vivace.bench.stream import Load, Outcome, carry
from vivace.bench.subject import NAMES, Subject, checkpoint, speaker
from vivace.models.precision import PrecisionChoice
from vivace.pipeline.async_tts import AsyncTTS
from vivace.pipeline.tts import TTS
from vivace.settings import TTSConfig

HEADER = (
    "precision",
    "load",
    "audible ms p50",
    "p95",
    "first chunk ms p50",
    "p95",
    "end s p50",
    "p95",
    "underruns",
    "lag ms p95",
    "audio s/s",
)


@dataclass(frozen=True)
class StreamPlan:
    """What to measure."""

    config: TTSConfig
    loads: tuple[Load, ...]
    subject: Subject = "embedded"
    precisions: tuple[PrecisionChoice, ...] = ("auto",)
    requests: int = 40  # of each load
    repeats: int = 1  # of every load, each in a row of its own: what the machine's other work does to them shows
    seed: int = 0


@dataclass(frozen=True)
class StreamRow:
    """One line of the table; seconds."""

    precision: str
    load: str
    requests: int
    errors: tuple[str, ...]
    audible_p50: float
    audible_p95: float
    first_chunk_p50: float
    first_chunk_p95: float
    end_p50: float
    end_p95: float
    underruns: int
    dry_s: float
    lag_p95: float
    audio_per_s: float


@dataclass(frozen=True)
class StreamReport:
    """All of a run."""

    subject: str
    device: str
    threads: int
    stream: dict[str, object]  # the settings of streams
    rows: tuple[StreamRow, ...]


def measure(plan: StreamPlan, note: Callable[[str], None] = lambda line: None) -> StreamReport:
    """Run the plan: every load in every precision, and again."""
    texts, rows = spread(plan.requests), list[StreamRow]()
    device, threads = "", 0
    with checkpoint(plan.subject) as root:
        for precision in plan.precisions:
            with speaker(root, precision, plan.config) as tts:
                device, threads = tts.get_performance_stats().device, tts.family.threads or torch.get_num_threads()
                for load in plan.loads * plan.repeats:
                    note(f"{precision}, {load.name}")
                    rows.append(_row(precision, asyncio.run(_carry(tts, load, texts, plan.seed))))
    return StreamReport(NAMES[plan.subject], device, threads, plan.config.stream.model_dump(), tuple(rows))


async def _carry(tts: TTS, load: Load, texts: Sequence[str], seed: int) -> Outcome:
    return await carry(AsyncTTS(tts), load, texts, seed=seed)


def _row(precision: str, outcome: Outcome) -> StreamRow:
    of = outcome.percentile
    return StreamRow(
        precision=precision,
        load=outcome.load.name,
        requests=len(outcome.listened) + len(outcome.errors),
        errors=outcome.errors,
        audible_p50=of("audible_s", 50),
        audible_p95=of("audible_s", 95),
        first_chunk_p50=of("first_chunk_s", 50),
        first_chunk_p95=of("first_chunk_s", 95),
        end_p50=of("end_s", 50),
        end_p95=of("end_s", 95),
        underruns=outcome.underruns,
        dry_s=sum(one.dry_s for one in outcome.listened),
        lag_p95=of("lag_s", 95),
        audio_per_s=outcome.audio_per_s,
    )


def table(report: StreamReport) -> list[tuple[str, ...]]:
    """One row per measurement, under ``HEADER``."""
    return [
        (
            row.precision,
            row.load,
            *(f"{1e3 * s:.0f}" for s in (row.audible_p50, row.audible_p95, row.first_chunk_p50, row.first_chunk_p95)),
            f"{row.end_p50:.2f}",
            f"{row.end_p95:.2f}",
            f"{row.underruns} ({row.dry_s:.2f} s)" if row.underruns else "0",
            f"{1e3 * row.lag_p95:.0f}",
            f"{row.audio_per_s:.2f}",
        )
        for row in report.rows
    ]


def caption(report: StreamReport) -> str:
    """The subject and the conditions of the table, in one line."""
    settings = ", ".join(f"{name} {value}" for name, value in report.stream.items())
    requests = max((row.requests for row in report.rows), default=0)
    return (
        f"{report.subject}; {report.device}, threads: {report.threads}; {requests} requests a row; stream: {settings}"
    )


def json_line(report: StreamReport) -> str:
    """The report as one line of JSON; requests that failed have no times."""
    return as_json(report)
