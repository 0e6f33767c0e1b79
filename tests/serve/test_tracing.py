"""A span per request, where it is wanted."""

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from vivace.serve.tracing import no_span, open_tracing

SCOPE = {"method": "POST", "path": "/v1/audio/speech", "state": {"request_id": "req_1", "problem": "queue_full"}}


def test_a_span_tells_the_request_and_what_went_wrong() -> None:
    exporter = InMemorySpanExporter()
    span = open_tracing(exporter)
    with pytest.raises(ValueError, match="mine"), span(SCOPE):
        raise ValueError("mine")
    (told,) = exporter.get_finished_spans()
    assert told.name == "POST /v1/audio/speech"
    assert dict(told.attributes or {}) == {
        "http.request_id": "req_1",
        "http.route": "unknown",
        "vivace.problem": "queue_full",
    }


def test_without_tracing_nothing_happens() -> None:
    with no_span(SCOPE):
        pass
