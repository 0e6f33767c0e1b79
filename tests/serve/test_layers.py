"""The layers that a chunk of an HTTP answer passes, as docs/architecture.md lists them."""

import re
import sys
from pathlib import Path

import httpx2 as httpx
import pytest
from fakes.server import running

from vivace import TTS, TTSConfig
from vivace.pipeline.speech import AudioChunk
from vivace.pipeline.synthesis import SynthesisRun
from vivace.serve.backend import TTSBackend

ROOT = Path(__file__).parents[2]


def documented() -> list[tuple[str, bool]]:
    """Layers in order, and whether each is there with the caches on only."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| .* \| (.*) \|$", text, re.MULTILINE)
    return [(name, use.startswith("caches on")) for name, use in rows]


def layers() -> list[str]:
    """The classes and functions of the package that wait for this call, the nearest first."""
    found: list[str] = []
    frame = sys._getframe(1)
    while frame.f_back is not None:
        frame = frame.f_back
        name = frame.f_code.co_qualname.split(".")[0]
        if "/vivace/" in frame.f_code.co_filename and name not in found:
            found.append(name)
    return found


@pytest.mark.parametrize("results", ["off", "memory"])
def test_a_chunk_passes_the_documented_layers(monkeypatch: pytest.MonkeyPatch, results: str) -> None:
    stacks: list[list[str]] = []
    poll = SynthesisRun.poll

    def watched(run: SynthesisRun) -> list[AudioChunk] | None:
        stacks.append(layers())
        return poll(run)

    monkeypatch.setattr(SynthesisRun, "poll", watched)
    config = TTSConfig(cache={"results": results}, server={"port": 0})
    asked = {"model": "tts-1", "voice": "vivienne", "input": "Good morning. It is late.", "seed": 1}
    with TTS(config=config) as tts, running(TTSBackend.of(tts), config) as server:
        answer = httpx.post(f"{server.url}/v1/audio/speech", json={**asked, "response_format": "pcm"}, timeout=60)
    assert answer.status_code == 200
    stack = max(stacks, key=len)
    stack.remove("SharedStream")  # the part of the listener that others share
    expected = [name for name, cached in documented() if results == "memory" or not cached]
    assert expected[: len(stack)] == stack
    assert expected[len(stack) :] in (["AudioResponse"], ["Listener", "AudioResponse"]), "the rest runs in its own task"
    assert len(expected) == (5 if results == "off" else 7)
