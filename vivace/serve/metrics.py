"""Metrics for Prometheus."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from vivace.pipeline.performance import PerformanceStats

FIRST_AUDIO_S = (0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 30)
RTF = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 5)


class ServerMetrics:
    """Counters of one server, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self.requests = Counter(
            "vivace_requests", "Requests by route and status.", ("route", "status"), registry=registry
        )
        self.first_audio = Histogram(
            "vivace_first_audio_seconds",
            "From admission to the first samples, waiting included.",
            buckets=FIRST_AUDIO_S,
            registry=registry,
        )
        self.rtf = Histogram(
            "vivace_rtf", "Seconds to make a second of audio, per request.", buckets=RTF, registry=registry
        )
        self.audio = Counter("vivace_audio_seconds", "Audio made.", registry=registry)
        self.underruns = Counter(
            "vivace_underruns", "Chunks that came after a player would have run out.", registry=registry
        )
        self.cancelled = Counter("vivace_cancelled", "Requests whose client left.", registry=registry)
        self.send_timeouts = Counter(
            "vivace_send_timeouts", "Connections aborted because their client did not read.", registry=registry
        )
        self.waiting = Gauge("vivace_queue_waiting", "Requests in the queue.", registry=registry)
        self.active = Gauge("vivace_active", "Requests in synthesis.", registry=registry)
        self.sockets = Gauge("vivace_websockets", "Open WebSockets.", registry=registry)

    def watch(self, stats: Callable[[], PerformanceStats]) -> None:
        """Add the numbers of the backend, read at each scrape."""
        self.registry.register(_BackendCollector(stats))

    def page(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self.registry)


class _BackendCollector(Collector):
    def __init__(self, stats: Callable[[], PerformanceStats]) -> None:
        self._stats = stats

    def describe(self) -> Iterable[Metric]:
        return []  # so that registering asks for no numbers yet

    def collect(self) -> Iterable[Metric]:
        stats = self._stats()
        yield CounterMetricFamily("vivace_cache_hits", "Results found in the cache.", stats.results.hits)
        yield CounterMetricFamily("vivace_cache_misses", "Results not found.", stats.results.misses)
        yield GaugeMetricFamily("vivace_cache_bytes", "Size of the result cache.", stats.results.bytes)
        yield CounterMetricFamily("vivace_retries", "Pieces synthesized again after the speech check.", stats.retries)
        yield CounterMetricFamily("vivace_faults", "Pieces returned with a fault.", stats.faults)
        yield CounterMetricFamily("vivace_work_seconds", "Time spent on synthesis.", stats.work_s)
        if (engine := stats.engine) is not None:
            yield GaugeMetricFamily("vivace_engine_running", "Rows of the engine in use.", engine.running)
            yield GaugeMetricFamily("vivace_engine_waiting", "Pieces that wait for a row.", engine.waiting)
            yield GaugeMetricFamily("vivace_engine_parked", "Preempted pieces.", engine.preempted)
            yield CounterMetricFamily("vivace_engine_steps", "Decode steps.", engine.steps)
            yield CounterMetricFamily("vivace_engine_frames", "Frames; per step: the batch size.", engine.frames)
        yield GaugeMetricFamily("vivace_peak_memory_bytes", "Peak memory of the process.", stats.memory_bytes)
        yield GaugeMetricFamily("vivace_device_memory_bytes", "Memory of tensors on the device.", stats.device_bytes)
