"""A server with a fake speaker, and the clients that people use."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2 as httpx
import pytest
from fakes.server import Running, running
from fakes.speaker import FakeSpeaker

from vivace.settings import TTSConfig
from vivace.voices.store import VoiceStore


@pytest.fixture
def speaker(tmp_path: Path) -> FakeSpeaker:
    return FakeSpeaker(VoiceStore(tmp_path / "voices"))


@pytest.fixture
def start(speaker: FakeSpeaker, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start a server with these settings of the group ``server``."""
    with ExitStack() as stack:

        def started(**settings: object) -> Running:
            config = TTSConfig(paths={"voices_dir": tmp_path / "voices"}, server={"port": 0, **settings})
            return stack.enter_context(running(speaker, config))

        yield started


@pytest.fixture
def server(start: Callable[..., Running]) -> Running:
    return start()


@pytest.fixture
def http(server: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=20) as client:
        yield client
