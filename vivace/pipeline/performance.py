"""Statistics of a ``TTS`` over its requests."""

import statistics
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import torch

from vivace.cache.caches import CacheStats
from vivace.engine.engine import EngineLoad
from vivace.runtime.process import device_bytes, peak_process_bytes

REMEMBERED = 1000  # requests that averages and percentiles are taken over: the latest


@dataclass(frozen=True)
class Latency:
    """Seconds over the latest requests; all 0 before the first."""

    average: float
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True)
class PerformanceStats:
    """Statistics of a ``TTS`` since it was made. Cached results count in ``results`` only."""

    model: str
    device: str
    threads: int  # of torch on the CPU
    requests: int
    audio_s: float
    work_s: float
    inference: Latency  # work per request
    first_audio: Latency  # from the call to the first samples (TTFA), waiting included
    results: CacheStats
    memory_bytes: int  # the most that the process has taken
    device_bytes: int  # what tensors take of an accelerator's memory now
    engine: EngineLoad | None = None  # None before the first request
    retries: int = 0  # segments that were made again because of a fault
    precision: str = ""  # of the language model's matrices; of several models all that are in use
    precision_reason: str = ""  # why it was chosen
    faults: int = 0  # segments that stayed faulty

    @property
    def rtf(self) -> float:
        """Real-time factor over all requests; 0 before the first."""
        return self.work_s / self.audio_s if self.audio_s else 0.0


class Meter:
    """Counts requests. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Start anew, as after a warm-up."""
        with self._lock:
            self._requests, self._audio_s, self._work_s = 0, 0.0, 0.0
            self._retries = self._faults = 0
            self._work: deque[float] = deque(maxlen=REMEMBERED)
            self._first: deque[float] = deque(maxlen=REMEMBERED)

    def add(self, *, audio_s: float, work_s: float, first_audio_s: float, retries: int = 0, faults: int = 0) -> None:
        """Count a request that has ended."""
        with self._lock:
            self._requests += 1
            self._audio_s += audio_s
            self._work_s += work_s
            self._work.append(work_s)
            self._first.append(first_audio_s)
            self._retries += retries
            self._faults += faults

    def stats(
        self,
        model: str,
        device: torch.device,
        results: CacheStats,
        engine: EngineLoad | None = None,
        *precisions: tuple[str, str],
    ) -> PerformanceStats:
        """The statistics, with the memory of the process; ``precisions`` are those of the models, with reasons."""
        with self._lock:
            return PerformanceStats(
                model=model,
                device=str(device),
                threads=torch.get_num_threads(),
                requests=self._requests,
                audio_s=self._audio_s,
                work_s=self._work_s,
                inference=latency(self._work),
                first_audio=latency(self._first),
                results=results,
                memory_bytes=peak_process_bytes(),
                device_bytes=device_bytes(device),
                engine=engine,
                retries=self._retries,
                faults=self._faults,
                precision=_joined(name for name, _ in precisions),
                precision_reason=_joined(reason for _, reason in precisions),
            )


def _joined(parts: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(parts))


def latency(seconds: Iterable[float]) -> Latency:
    """Average and percentiles; each percentile is one of the values."""
    known = sorted(seconds)
    if not known:
        return Latency(0.0, 0.0, 0.0, 0.0)
    p50, p95, p99 = (known[min(len(known) - 1, int(len(known) * share))] for share in (0.5, 0.95, 0.99))
    return Latency(statistics.fmean(known), p50, p95, p99)
