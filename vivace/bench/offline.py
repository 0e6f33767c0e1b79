"""``vivace bench offline``: seconds of audio per second, one text at a time and as a batch."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from vivace.bench.model_under_test import NAMES, Subject, checkpoint, speaker, spread
from vivace.bench.report import Machine, as_json, machine_of
from vivace.settings import TTSConfig
from vivace.types import PrecisionChoice

HEADER = ("precision", "texts at once", "texts", "audio s", "wall s", "audio s/s", "RTF", "ratio")


@dataclass(frozen=True)
class OfflinePlan:
    """Settings of one run of the benchmark."""

    config: TTSConfig
    subject: Subject = "embedded"
    precisions: tuple[PrecisionChoice, ...] = ("auto",)
    sentences: int | None = None  # of the list; None: all 200
    seed: int = 0


@dataclass(frozen=True)
class OfflineRow:
    """One line of the table."""

    precision: str
    at_once: int
    texts: int
    audio_s: float
    wall_s: float

    @property
    def audio_per_s(self) -> float:
        """Seconds of audio made per second; its inverse is the real-time factor."""
        return self.audio_s / self.wall_s


@dataclass(frozen=True)
class OfflineReport:
    """All of a run."""

    subject: str
    machine: Machine
    rows: tuple[OfflineRow, ...]


def measure(plan: OfflinePlan, note: Callable[[str], None] = lambda line: None) -> OfflineReport:
    """Run the plan: in every precision, the texts one by one, then as a batch."""
    texts, rows = spread(plan.sentences), list[OfflineRow]()
    machine = machine_of("")
    with checkpoint(plan.subject) as root:
        for precision in plan.precisions:
            with speaker(root, precision, plan.config) as tts:
                machine = machine_of(tts.get_performance_stats().device, tts.family.threads)
                note(f"{precision}, one by one")
                started = time.perf_counter()
                made = [tts.synthesize(text, seed=plan.seed, reuse=False) for text in texts]
                rows.append(_row(precision, 1, [s.stats.duration_s for s in made], time.perf_counter() - started))
                note(f"{precision}, side by side")
                started = time.perf_counter()
                made = tts.synthesize_batch(texts, seed=plan.seed, reuse=False)
                at_once = min(len(texts), plan.config.engine.slots)
                rows.append(_row(precision, at_once, [s.stats.duration_s for s in made], time.perf_counter() - started))
    return OfflineReport(NAMES[plan.subject], machine, tuple(rows))


def _row(precision: str, at_once: int, seconds: list[float], wall_s: float) -> OfflineRow:
    return OfflineRow(precision, at_once, len(seconds), sum(seconds), wall_s)


def table(report: OfflineReport) -> list[tuple[str, ...]]:
    """One row per measurement, under ``HEADER``; ratios are to the first."""
    first = report.rows[0].audio_per_s
    return [
        (
            row.precision,
            str(row.at_once),
            str(row.texts),
            f"{row.audio_s:.0f}",
            f"{row.wall_s:.1f}",
            f"{row.audio_per_s:.2f}",
            f"{1 / row.audio_per_s:.3f}",
            f"{row.audio_per_s / first:.2f}",
        )
        for row in report.rows
    ]


def caption(report: OfflineReport) -> str:
    """The subject and the conditions of the table, in one line."""
    return f"{report.subject}; {report.machine}"


def json_line(report: OfflineReport) -> str:
    """The report as one line of JSON."""
    rows = [{**asdict(row), "audio_per_s": row.audio_per_s, "rtf": 1 / row.audio_per_s} for row in report.rows]
    return as_json(report, rows=rows)
