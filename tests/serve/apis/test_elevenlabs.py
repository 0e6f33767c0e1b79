"""ElevenLabs' own client against the server: speech, streams, voices, models, text in fragments."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from fakes.server import Running
from fakes.speaker import RATE, WORD_S, FakeSpeaker, tone

from vivace.audio.decode import decode
from vivace.audio.encode import encode

pytest.importorskip("elevenlabs", reason="needs elevenlabs: pip install 'vivace[dev]'")

import httpx
from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.types import VoiceSettings

Start = Callable[..., Running]
PCM = "pcm_24000"


@pytest.fixture
def client_of() -> Iterator[Callable[..., ElevenLabs]]:
    """Clients whose connections are closed after the test."""
    with httpx.Client(timeout=20) as connections:
        yield lambda server, key="none": ElevenLabs(base_url=server.url, api_key=key, httpx_client=connections)


@pytest.fixture
def client(server: Running, client_of: Callable[..., ElevenLabs]) -> ElevenLabs:
    return client_of(server)


def joined(parts: Iterator[bytes]) -> bytes:
    return b"".join(parts)


def words(*said: str, speed: float = 1.0) -> bytes:
    return encode(np.concatenate([tone(word, speed) for word in said]), RATE, "pcm")


def test_convert(client: ElevenLabs, speaker: FakeSpeaker) -> None:
    audio = joined(
        client.text_to_speech.convert(
            "ben",
            text="one two",
            model_id="eleven_flash_v2_5",
            output_format=PCM,
            language_code="en",
            seed=7,
            voice_settings=VoiceSettings(speed=1.25, stability=0.5),
        )
    )
    assert audio == words("one", "two", speed=1.25)
    options = speaker.heard[-1][1]
    assert (options["voice"], options["seed"], options["language"], options["model"]) == ("ben", 7, "en", None)


def test_mp3_is_what_comes_without_a_format(client: ElevenLabs) -> None:
    samples, rate = decode(io.BytesIO(joined(client.text_to_speech.convert("ben", text="one"))), "it", max_seconds=9)
    assert rate == 44_100
    assert len(samples) / rate == pytest.approx(WORD_S, abs=0.1)


def test_stream_sends_audio_while_the_rest_is_made(client: ElevenLabs, speaker: FakeSpeaker) -> None:
    speaker.delay_s = 0.05
    parts = client.text_to_speech.stream("anna", text="a b c d e f", output_format=PCM)
    first = next(parts)
    made = speaker.made
    assert first + joined(parts) == words(*"abcdef")
    assert made < 4


@pytest.mark.filterwarnings("ignore:ConnectionClosed.code is deprecated:DeprecationWarning")  # in the client
def test_convert_realtime(client: ElevenLabs, server: Running, speaker: FakeSpeaker) -> None:
    client.text_to_speech._ws_base_url = server.ws  # the client insists on TLS, which a proxy has and this server not
    heard = client.text_to_speech.convert_realtime(
        "ben",
        text=iter(["Good ", "morning. ", "Good night."]),
        model_id="eleven_flash_v2_5",
        output_format=PCM,
        voice_settings=VoiceSettings(speed=1.0),
    )
    assert len(joined(heard)) >= len(words("Good", "morning.", "Good", "night."))
    assert {options["voice"] for _, options in speaker.heard} == {"ben"}


def test_voices(client: ElevenLabs, speaker: FakeSpeaker) -> None:
    listed = client.voices.get_all().voices
    assert [(one.voice_id, one.name, one.category) for one in listed] == [
        ("anna", "anna", "premade"),
        ("ben", "ben", "premade"),
    ]
    page = client.voices.search(search="Be", page_size=10)
    assert [one.voice_id for one in page.voices] == ["ben"]
    assert (page.has_more, page.total_count, page.next_page_token) == (False, 1, None)


def test_models_have_its_form_for_its_clients_only(client: ElevenLabs, server: Running) -> None:
    (model,) = client.models.list()
    assert (model.model_id, model.can_do_text_to_speech) == ("fake", True)
    assert {language.language_id for language in model.languages or []} == {"zh", "en"}
    assert joined(client.text_to_speech.convert("ben", text="one", model_id=model.model_id, output_format=PCM))
    assert httpx.get(f"{server.url}/v1/models").json()["object"] == "list"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"voice_id": "nobody"}, 404, "voice_not_found"),
        ({"output_format": "wav_1"}, 400, "invalid_value"),
        ({"model_id": "other"}, 404, "model_not_found"),
        ({"text": "x" * 5000}, 413, "text_too_long"),
        ({"language_code": "xx"}, 400, "unsupported_language"),
    ],
)
def test_errors_reach_the_client(client: ElevenLabs, change: dict[str, Any], status: int, code: str) -> None:
    with pytest.raises(ApiError) as caught:
        joined(client.text_to_speech.convert(**{"voice_id": "anna", "text": "one", **change}))
    assert caught.value.status_code == status
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["detail"]["status"] == code
    assert caught.value.body["detail"]["message"]


def test_ignored_fields_are_named(server: Running) -> None:
    body = {"text": "one", "previous_text": "zero", "voice_settings": {"stability": 1, "speed": None}, "seed": None}
    answer = httpx.post(f"{server.url}/v1/text-to-speech/anna?output_format=ulaw_8000", json=body)
    assert answer.headers["x-vivace-ignored"] == "previous_text, voice_settings.stability"
    assert answer.headers["content-type"] == "audio/basic"
    assert len(answer.content) == pytest.approx(WORD_S * 8000, abs=20)


def test_keys(start: Start, client_of: Callable[..., ElevenLabs]) -> None:
    server = start(api_keys=["right"])
    assert client_of(server, "right").voices.get_all().voices
    with pytest.raises(ApiError) as caught:
        client_of(server, "wrong").voices.get_all()
    assert caught.value.status_code == 401
