"""Voices through OpenAI's own client, and the classes of errors that only uploads and endings bring about."""

from collections.abc import Callable, Iterator

import openai
import pytest
from fakes.server import Running
from fakes.speaker import FakeSpeaker
from openai import OpenAI

Start = Callable[..., Running]
FILE = ("dora.wav", b"RIFF....", "audio/wav")
SAYS = {"transcript": "Hello there."}


@pytest.fixture
def client(server: Running) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, timeout=20) as made:
        yield made


def add(client: OpenAI, name: str = "Dora", consent: str = "signed") -> str:
    return client.audio.voices.create(name=name, audio_sample=FILE, consent=consent, extra_body=SAYS).id


def test_a_voice_is_made_spoken_with_and_deleted(client: OpenAI, speaker: FakeSpeaker) -> None:
    made = client.audio.voices.create(name="Dora", audio_sample=FILE, consent="signed", extra_body=SAYS)
    assert (made.name, made.object) == ("Dora", "audio.voice")
    client.audio.speech.create(model="tts-1", voice={"id": made.id}, input="one", response_format="pcm")
    assert speaker.heard[-1][1]["voice"] == made.id
    client.audio.voices.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        client.audio.voices.delete(made.id)


def test_who_did_not_agree_is_not_spoken_for(client: OpenAI) -> None:
    with pytest.raises(openai.PermissionDeniedError) as caught:
        add(client, consent="no")
    assert caught.value.code == "consent_required"


def test_a_name_that_is_taken_is_a_conflict(client: OpenAI) -> None:
    add(client)
    with pytest.raises(openai.ConflictError) as caught:
        add(client)
    assert (caught.value.code, caught.value.param) == ("voice_exists", "name")


def test_the_models_own_voices_cannot_be_deleted(client: OpenAI) -> None:
    with pytest.raises(openai.PermissionDeniedError) as caught:
        client.audio.voices.delete("anna")
    assert caught.value.code == "voice_not_removable"


def test_a_recording_that_is_too_large(start: Start) -> None:
    with OpenAI(base_url=f"{start(max_upload_mb=0.01).url}/v1", api_key="none", max_retries=0) as client:
        with pytest.raises(openai.APIStatusError) as caught:
            client.audio.voices.create(
                name="Dora", audio_sample=("a.wav", bytes(50_000)), consent="signed", extra_body=SAYS
            )
        assert (caught.value.status_code, caught.value.code) == (413, "recording_too_large")


def test_a_server_that_stops_says_come_back(server: Running, client: OpenAI) -> None:
    server.service.admission.draining = True
    with pytest.raises(openai.InternalServerError) as caught:
        client.audio.speech.create(model="tts-1", voice="anna", input="one")
    assert (caught.value.status_code, caught.value.code) == (503, "stopping")
    assert caught.value.response.headers["retry-after"] == "1"


def test_strange_pages_are_kept_out(server: Running) -> None:
    headers = {"origin": "https://evil.example"}
    with OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, default_headers=headers) as client:
        with pytest.raises(openai.PermissionDeniedError) as caught:
            client.audio.speech.create(model="tts-1", voice="anna", input="one")
        assert caught.value.code == "unknown_origin"
