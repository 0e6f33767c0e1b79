"""A server with several models: requests name one, lists show all."""

from collections.abc import Callable

import httpx2 as httpx
import pytest
from fakes.server import Running
from fakes.speaker import FakeSpeaker


@pytest.fixture
def speaker() -> FakeSpeaker:
    fake = FakeSpeaker()
    fake.name, fake.further = "anna", ("ben",)
    return fake


def test_the_model_field_chooses(http: httpx.Client, speaker: FakeSpeaker) -> None:
    for model, meant in (("anna", "anna"), ("ben", "ben"), ("anna+ben", "anna+ben"), ("tts-1", None)):
        body = {"model": model, "input": "one", "voice": "ben", "response_format": "wav", "sample_steps": 4}
        assert http.post("/v1/audio/speech", json=body).status_code == 200
        options = speaker.heard[-1][1]
        assert (options["model"], options["sample_steps"]) == (meant, 4)
        assert speaker.asked_for[-1] == meant


def test_models_are_listed_and_unknown_ones_refused(http: httpx.Client) -> None:
    names = [card["id"] for card in http.get("/v1/models").json()["data"]]
    assert names[:3] == ["anna", "ben", "tts-1"]
    assert http.get("/v1/models/anna+ben").status_code == 200
    for answer in (
        http.get("/v1/models/carl"),
        http.post("/v1/audio/speech", json={"model": "anna+carl", "input": "one", "voice": "ben"}),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
        assert "this server has anna, ben" in answer.json()["error"]["message"]


def test_a_voice_is_learnt_by_the_model_it_is_for(start: Callable[..., Running], speaker: FakeSpeaker) -> None:
    form = {"name": "mine", "consent": "yes, in writing", "transcript": "Hello.", "model": "carl"}
    with httpx.Client(base_url=start().url, timeout=20) as http:
        answer = http.post("/v1/audio/voices", data=form, files={"audio_sample": ("a.wav", b"RIFF")})
        assert (answer.status_code, answer.json()["error"]["param"]) == (404, "model")
        answer = http.post("/v1/audio/voices", data={**form, "model": "ben"}, files={"audio_sample": ("a.wav", b"R")})
        assert answer.status_code == 201
        assert speaker.asked_for[-1] == "ben"
        assert not speaker.held
