"""``vivace serve``: the HTTP and WebSocket server."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Option

from vivace.errors import SettingsError


def serve(
    config: Annotated[Path | None, Option("--config", help="A YAML file of settings.")] = None,
    model: Annotated[
        str | None, Option("--model", "-m", help="Folder or hub address; else the embedded voice.")
    ] = None,
    device: Annotated[str | None, Option("--device", help="auto, cpu, cuda:0, …")] = None,
    host: Annotated[str | None, Option("--host", help="Address to listen on; 127.0.0.1 is this machine only.")] = None,
    port: Annotated[int | None, Option("--port", "-p", help="8880; 0 takes any free one.")] = None,
    api_key: Annotated[
        list[str] | None, Option("--api-key", help="A key that lets in; may be repeated. Better in the file.")
    ] = None,
    allow_unauthenticated: Annotated[
        bool | None, Option("--allow-unauthenticated", help="Listen beyond this machine without keys.")
    ] = None,
    cache: Annotated[str | None, Option("--cache", help="off, memory or disk: keep speech of seeded requests.")] = None,
    warm_up: Annotated[bool | None, Option("--warm-up/--no-warm-up", help="Speak before being ready.")] = None,
    max_queue: Annotated[int | None, Option("--max-queue", help="Requests that may wait.")] = None,
    log_format: Annotated[str | None, Option("--log-format", help="json or console.")] = None,
    print_config: Annotated[bool, Option("--print-config", help="Print the effective settings, and stop.")] = False,
) -> None:
    """Serve speech over HTTP and WebSockets: OpenAI's API, GPT-SoVITS', ChatTTS's and ElevenLabs' dialects."""
    from vivace.settings import TTSConfig

    server = {
        "host": host,
        "port": port,
        "api_keys": api_key or None,
        "allow_unauthenticated": allow_unauthenticated,
        "warm_up": warm_up,
        "max_queue": max_queue,
        "log_format": log_format,
    }
    settings = TTSConfig.load(config, model=model, device=device, cache={"results": cache}, server=server)
    if print_config:
        sys.stdout.write(settings.to_yaml())
        return

    try:
        from vivace.serve.server import run
    except ModuleNotFoundError as exc:
        if (exc.name or "vivace").startswith("vivace"):
            raise
        raise SettingsError(f"the server needs {exc.name}: pip install 'vivace[serve]'") from exc
    run(settings)
