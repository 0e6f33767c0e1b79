"""LiveKit's services against the server. Not run by itself: its packages are 750 MB with theirs.

pip install livekit-plugins-openai livekit-plugins-elevenlabs && pytest tests/serve/apis/voice_agents.py
"""

import asyncio
from collections.abc import AsyncIterable
from typing import Any

import pytest
from fakes.server import Running
from fakes.speaker import WORD_S, FakeSpeaker

NEEDS = "needs livekit-plugins-{0}: pip install livekit-plugins-{0}"
elevenlabs: Any = pytest.importorskip("livekit.plugins.elevenlabs", reason=NEEDS.format("elevenlabs"))
openai: Any = pytest.importorskip("livekit.plugins.openai", reason=NEEDS.format("openai"))
aiohttp: Any = pytest.importorskip("aiohttp", reason="needs aiohttp, which LiveKit needs")


async def seconds(events: AsyncIterable[Any]) -> float:
    found = 0.0
    async for event in events:
        found += event.frame.samples_per_channel / event.frame.sample_rate
    return found


def test_elevenlabs(server: Running, speaker: FakeSpeaker) -> None:
    async def conversation() -> None:
        async with aiohttp.ClientSession() as session:
            service = elevenlabs.TTS(
                voice_id="ben",
                model="eleven_flash_v2_5",
                base_url=f"{server.url}/v1",
                api_key="none",
                http_session=session,
                encoding="pcm_24000",
            )
            assert [voice.id for voice in await service.list_voices()] == ["anna", "ben"]
            async with service.synthesize("one two three") as whole:
                assert await seconds(whole) == pytest.approx(3 * WORD_S, abs=0.05)
            async with service.stream() as stream:
                stream.push_text("Good morning to you all. It is late today. ")
                stream.end_input()
                assert await seconds(stream) > 9 * WORD_S
            await service.aclose()

    asyncio.run(conversation())
    assert {options["voice"] for _, options in speaker.heard} == {"ben"}


def test_openai(server: Running) -> None:
    async def conversation() -> float:
        service = openai.TTS(
            model="gpt-4o-mini-tts",
            voice="alloy",
            base_url=f"{server.url}/v1",
            api_key="none",
            response_format="pcm",
        )
        async with service.synthesize("one two three") as whole:
            found = await seconds(whole)
        await service.aclose()
        return found

    assert asyncio.run(conversation()) == pytest.approx(3 * WORD_S, abs=0.05)
