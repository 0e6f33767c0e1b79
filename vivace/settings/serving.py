"""Settings of the server."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from vivace.settings.group import Group

Positive = Annotated[float, Field(gt=0)]


class ServerConfig(Group):
    """``vivace serve``: where it listens, whom it lets in, and what one request may cost."""

    host: str = "127.0.0.1"  # any other address needs api_keys
    port: Annotated[int, Field(ge=0, le=65535)] = 8880  # 0: any free one
    api_keys: tuple[SecretStr, ...] = ()  # one of them as "Authorization: Bearer KEY" (or xi-api-key)
    allow_unauthenticated: bool = False  # listen beyond this machine without keys all the same
    cors_origins: tuple[str, ...] = ()  # web pages that may call from a browser; none by default
    warm_up: bool = True  # ready only after texts of several lengths have been spoken
    max_input_chars: Annotated[int, Field(ge=1)] = 4096  # of one request's text
    max_audio_seconds: Positive = 600.0  # that one request may make
    max_upload_mb: Positive = 10.0  # of one recording
    max_body_mb: Positive = 1.0  # of any other request
    max_queue: Annotated[int, Field(ge=0)] = 32  # requests that may wait; one more is answered with 429
    max_active: Annotated[int, Field(ge=1)] = 8  # requests that are spoken at the same time
    deadline_s: Positive = 120.0  # for a request's first audio
    drain_s: Positive = 30.0  # after SIGTERM, for speech that has begun
    idle_s: Positive = 300.0  # a WebSocket that says nothing for so long is closed
    encoder_threads: Annotated[int, Field(ge=1)] = 2
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    tracing: bool = False  # OpenTelemetry spans, through whichever exporter its own variables name
