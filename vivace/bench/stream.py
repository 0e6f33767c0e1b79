"""``vivace bench stream``: time to first sound and underruns of streams under load."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from vivace.audio.resample import Samples
from vivace.bench.model_under_test import NAMES, Subject, checkpoint, speaker, spread
from vivace.bench.report import Machine, as_json, machine_of
from vivace.errors import TTSError
from vivace.pipeline.async_tts import AsyncTTS
from vivace.pipeline.tts import TTS
from vivace.settings import TTSConfig
from vivace.types import PrecisionChoice

# N samples


AUDIBLE_DBFS = -50.0  # of a 10 ms window, as where generations are trimmed
WINDOW_S = 0.01


def leading_silence(samples: Samples, sample_rate: int) -> float | None:
    """Seconds before the first audible window; None: nothing of it is audible."""
    width = round(WINDOW_S * sample_rate)
    windows = -(-len(samples) // width)
    padded = np.pad(samples, (0, windows * width - len(samples))).reshape(windows, width)
    level = np.sqrt(np.mean(np.square(padded, dtype=np.float64), axis=1))
    loud = np.flatnonzero(level > 10 ** (AUDIBLE_DBFS / 20))
    return None if not len(loud) else float(loud[0]) * WINDOW_S


class Playback:
    """Plays chunks as they come. Times are seconds of one clock."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self.first_chunk: float | None = None  # when it came, and playing began
        self.audible: float | None = None  # when the first audible sample was played: leading silence is waited for
        self.audio_s = 0.0
        self.underruns = 0  # how often the player had nothing to play
        self.dry_s = 0.0  # and for how long
        self._until = 0.0  # when all that came will have been played

    def take(self, now: float, samples: Samples) -> None:
        """A chunk ``[N]`` comes."""
        if self.first_chunk is None:
            self.first_chunk = self._until = now
        elif now > self._until:
            self.underruns += 1
            self.dry_s += now - self._until
            self._until = now
        if self.audible is None and (silence := leading_silence(samples, self._rate)) is not None:
            self.audible = self._until + silence
        seconds = len(samples) / self._rate
        self._until += seconds
        self.audio_s += seconds


@dataclass(frozen=True)
class Load:
    """How requests come. Exactly one of the two is given."""

    users: int | None = None  # closed: so many listeners, each asks again as soon as the stream before has ended
    rate: float | None = None  # open: requests a second, at random (Poisson), however many are under way

    @property
    def name(self) -> str:
        """For tables."""
        if self.users is not None:
            return f"{self.users} user{'s' * (self.users > 1)}"
        return f"{self.rate:g} requests/s"


@dataclass(frozen=True)
class Listened:
    """One request. Seconds since the moment it was meant to be sent, so that no delay of ours hides in the figures."""

    first_chunk_s: float
    audible_s: float  # until the first audible sample was played
    end_s: float
    lag_s: float  # it was sent so much too late
    audio_s: float
    underruns: int
    dry_s: float


@dataclass(frozen=True)
class Outcome:
    """A load, carried."""

    load: Load
    listened: tuple[Listened, ...]
    errors: tuple[str, ...]
    wall_s: float

    def percentile(self, name: str, q: float) -> float:
        """A percentile of one field of ``Listened``, in seconds; NaN without any audible stream."""
        values = [getattr(one, name) for one in self.listened]
        return float(np.percentile(values, q)) if values else float("nan")

    @property
    def underruns(self) -> int:
        """Of all streams."""
        return sum(one.underruns for one in self.listened)

    @property
    def audio_per_s(self) -> float:
        """Seconds of audio made per second."""
        return sum(one.audio_s for one in self.listened) / self.wall_s


def arrivals(count: int, rate: float, seed: int) -> list[float]:
    """When the requests of an open load are sent: a Poisson process, the first at 0."""
    draw = random.Random(seed)
    return list(accumulate((draw.expovariate(rate) for _ in range(count - 1)), initial=0.0))


async def carry(tts: AsyncTTS, load: Load, texts: Sequence[str], *, seed: int = 0) -> Outcome:
    """Send every text once, as the load has it; each with a seed of its own."""
    started = time.perf_counter()
    results: list[Listened | TTSError] = []

    async def one(index: int, due: float) -> None:
        try:
            results.append(await _listen(tts, texts[index], seed + index, due))
        except TTSError as exc:
            results.append(exc)

    if load.rate is not None:
        await _open(one, [started + at for at in arrivals(len(texts), load.rate, seed)])
    else:
        assert load.users is not None, "a load is open or closed"
        await _closed(one, len(texts), load.users)
    wall = time.perf_counter() - started
    heard = tuple(r for r in results if isinstance(r, Listened))
    return Outcome(load, heard, tuple(str(r) for r in results if isinstance(r, TTSError)), wall)


async def _open(one: Callable[[int, float], Awaitable[None]], due: Sequence[float]) -> None:
    async with asyncio.TaskGroup() as group:
        for index, at in enumerate(due):
            await asyncio.sleep(max(0.0, at - time.perf_counter()))
            group.create_task(_run(one(index, at)))


async def _closed(one: Callable[[int, float], Awaitable[None]], count: int, users: int) -> None:
    left = iter(range(count))

    async def user() -> None:
        for index in left:
            await one(index, time.perf_counter())

    async with asyncio.TaskGroup() as group:
        for _ in range(users):
            group.create_task(user())


async def _run(work: Awaitable[None]) -> None:
    await work


async def _listen(tts: AsyncTTS, text: str, seed: int, due: float) -> Listened:
    sent = time.perf_counter()
    player = Playback(tts.tts.sample_rate)
    async with aclosing(tts.stream(text, seed=seed)) as chunks:
        async for chunk in chunks:
            player.take(time.perf_counter(), chunk.samples)
    end = time.perf_counter()
    first, audible = player.first_chunk or end, player.audible or end
    return Listened(first - due, audible - due, end - due, sent - due, player.audio_s, player.underruns, player.dry_s)


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
    """Settings of one run of the benchmark."""

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
    machine: Machine
    stream: dict[str, object]  # the settings of streams
    rows: tuple[StreamRow, ...]


def measure(plan: StreamPlan, note: Callable[[str], None] = lambda line: None) -> StreamReport:
    """Run the plan: every load in every precision, and again."""
    texts, rows = spread(plan.requests), list[StreamRow]()
    machine = machine_of("")
    with checkpoint(plan.subject) as root:
        for precision in plan.precisions:
            with speaker(root, precision, plan.config) as tts:
                machine = machine_of(tts.get_performance_stats().device, tts.family.threads)
                for load in plan.loads * plan.repeats:
                    note(f"{precision}, {load.name}")
                    rows.append(_row(precision, asyncio.run(_carry(tts, load, texts, plan.seed))))
    return StreamReport(NAMES[plan.subject], machine, plan.config.stream.model_dump(), tuple(rows))


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
    return f"{report.subject}; {report.machine}; {requests} requests a row; stream: {settings}"


def json_line(report: StreamReport) -> str:
    """The report as one line of JSON; requests that failed have no times."""
    return as_json(report)
