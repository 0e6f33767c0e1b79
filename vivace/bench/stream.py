"""Streams under load: when is speech heard, and does the player ever run dry."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from vivace.audio.resample import Samples
from vivace.errors import TTSError
from vivace.pipeline.async_tts import AsyncTTS

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
        """Of a field of ``Listened``, in seconds; not a number when nothing was heard."""
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
