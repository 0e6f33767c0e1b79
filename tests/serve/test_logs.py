"""A span per request, where it is wanted, and lines that a terminal can show."""

import logging

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from vivace.serve.logs import event_logger, no_span, open_tracing, set_up_logs
from vivace.settings.config import ServerConfig

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


def test_control_characters_do_not_reach_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before, level = root.handlers, root.level
    try:
        set_up_logs(ServerConfig(log_format="console"))
        event_logger("vivace.request").info("request", path="/\x1b[31mred\x9b\n")
    finally:
        root.handlers = before
        root.setLevel(level)
    written = capsys.readouterr().err
    assert "\x1b" not in written
    assert "\\x1b[31mred" in written
    assert "\x9b" not in written
