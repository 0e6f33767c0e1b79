"""Optional OpenTelemetry tracing: one span per request, sent to OTEL_EXPORTER_OTLP_ENDPOINT."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from starlette.types import Scope

from vivace.errors import SettingsError
from vivace.version import __version__

Span = Callable[[Scope], AbstractContextManager[None]]


def no_span(_: Scope) -> AbstractContextManager[None]:
    """The context of a request while tracing is off."""
    return nullcontext()


def open_tracing(exporter: Any = None) -> Span:
    """A function that makes a span around the handling of a request.

    Args:
        exporter: receives the spans; None: OTLP, configured by OpenTelemetry's environment variables.
    Raises: SettingsError when OpenTelemetry is not installed.
    """
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

        if exporter is None:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as exc:
        raise SettingsError(f"server.tracing needs {exc.name}: pip install 'vivace[tracing]'") from exc
    provider = TracerProvider(resource=Resource.create({"service.name": "vivace", "service.version": __version__}))
    processor = BatchSpanProcessor(OTLPSpanExporter()) if exporter is None else SimpleSpanProcessor(exporter)
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("vivace.serve")

    @contextmanager
    def span(scope: Scope) -> Iterator[None]:
        with tracer.start_as_current_span(f"{scope.get('method', 'WS')} {scope['path'][:200]}") as current:
            current.set_attribute("http.request_id", scope["state"]["request_id"])
            try:
                yield
            finally:
                current.set_attribute("http.route", getattr(scope.get("route"), "path", "unknown"))
                if problem := scope["state"].get("problem"):
                    current.set_attribute("vivace.problem", problem)

    return span
