"""``vivace serve``: the HTTP and WebSocket server."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Option

from vivace.errors import SettingsError


def serve(
    config: Annotated[Path | None, Option("--config", help="YAML file of settings.")] = None,
    model: Annotated[
        str | None, Option("--model", "-m", help="Folder or hub address. Default: the embedded voice.")
    ] = None,
    device: Annotated[str | None, Option("--device", help="Device: auto, cpu, cuda:0 and so on.")] = None,
    host: Annotated[str | None, Option("--host", help="Address to listen on. 127.0.0.1 is this machine only.")] = None,
    port: Annotated[int | None, Option("--port", "-p", help="Port. Default: 8880. 0 takes any free port.")] = None,
    wyoming: Annotated[
        int | None, Option("--wyoming", help="Port of the Wyoming protocol for Home Assistant, usually 10200.")
    ] = None,
    wyoming_host: Annotated[
        str | None, Option("--wyoming-host", help="Address for Wyoming, which has no keys. Default: 127.0.0.1.")
    ] = None,
    api_key: Annotated[
        list[str] | None, Option("--api-key", help="API key. Repeatable. A settings file is safer.")
    ] = None,
    allow_unauthenticated: Annotated[
        bool | None, Option("--allow-unauthenticated", help="Allow other machines without API keys.")
    ] = None,
    cache: Annotated[
        str | None, Option("--cache", help="Cache for speech of requests with a seed: off, memory or disk.")
    ] = None,
    warm_up: Annotated[
        bool | None, Option("--warm-up/--no-warm-up", help="Synthesize some texts before the server is ready.")
    ] = None,
    max_queue: Annotated[int | None, Option("--max-queue", help="Number of requests in the queue.")] = None,
    log_format: Annotated[str | None, Option("--log-format", help="Format of the log: json or console.")] = None,
    print_config: Annotated[bool, Option("--print-config", help="Print the settings in effect, and exit.")] = False,
) -> None:
    """Serve speech over HTTP and WebSockets, with the APIs of OpenAI, ElevenLabs, GPT-SoVITS and ChatTTS."""
    from vivace.settings import TTSConfig

    server = {
        "host": host,
        "port": port,
        "wyoming_port": wyoming,
        "wyoming_host": wyoming_host,
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
