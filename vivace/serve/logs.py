"""Logs and traces. Logs go to stderr: one line per event, libraries included, each with the id of its request.

Traces are optional: one OpenTelemetry span per request, sent to OTEL_EXPORTER_OTLP_ENDPOINT.
"""

import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import structlog
from starlette.types import Scope
from structlog.typing import EventDict, Processor

from vivace.errors import SettingsError
from vivace.settings.config import ServerConfig
from vivace.version import __version__

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def event_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger of events with fields. It writes through ``logging``, and is silent until that is configured."""
    logger: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logging.getLogger(name),
        wrapper_class=structlog.stdlib.BoundLogger,
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
    )
    return logger


def _escaped(logger: Any, method: str, event: EventDict) -> EventDict:
    """Write control characters of a client as escapes, so that a log line cannot control the terminal."""
    for name, value in event.items():
        if isinstance(value, str) and name != "exception":
            event[name] = CONTROL.sub(lambda found: repr(found[0])[1:-1], value)
    return event


def set_up_logs(config: ServerConfig) -> None:
    """Configure logging. Only the command calls this; importing the library leaves logging unchanged."""
    last: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
        if config.log_format == "json"
        else [_escaped, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *last,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(config.log_level.upper())


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
