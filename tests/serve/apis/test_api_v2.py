"""GPT-SoVITS' ``/tts`` and the requests that set what it uses."""

import logging
from collections.abc import Callable
from typing import Any

import httpx2 as httpx
import numpy as np
import pytest
from fakes.server import Running
from fakes.speaker import FakeSpeaker

from vivace.errors import WeightsMismatchError
from vivace.serve.apis.api_v2 import IGNORED, ApiV2Request, _note
from vivace.voices.voice import Voice

Start = Callable[..., Running]
KEY = {"authorization": "Bearer secret"}

# Section 13.1 and 15 of the facts, what a model decides left out.
DEFAULTS: dict[str, Any] = {
    "aux_ref_audio_paths": [],
    "prompt_text": "",
    "prompt_lang": "",
    "text_split_method": "cut5",
    "batch_size": 1,
    "batch_threshold": 0.75,
    "split_bucket": True,
    "speed_factor": 1.0,
    "fragment_interval": 0.3,
    "parallel_infer": True,
    "super_sampling": False,
    "streaming_mode": False,
    "overlap_length": 2,
    "min_chunk_length": 16,
    "media_type": "wav",
}
THE_MODELS = ("ref_audio_path", "top_k", "top_p", "temperature", "repetition_penalty", "sample_steps", "seed", "model")


def test_every_parameter_is_there_by_its_name_with_its_default() -> None:
    asked = ApiV2Request.model_validate({"text": "one"})
    assert {name: getattr(asked, name) for name in DEFAULTS} == DEFAULTS
    assert all(getattr(asked, name) is None for name in THE_MODELS)
    assert set(ApiV2Request.model_fields) == {"text", "text_lang", *DEFAULTS, *THE_MODELS}


def test_each_parameter_does_what_it_says(http: httpx.Client, speaker: FakeSpeaker) -> None:
    asked = {
        "text": "one",
        "text_split_method": "cut3",
        "fragment_interval": 0.1,
        "sample_steps": 16,
        "repetition_penalty": 1.2,
        "speed_factor": 2,
        "streaming_mode": 1,
        "seed": 5,
    }
    assert http.post("/tts", json=asked).status_code == 200
    options = speaker.heard[-1][1]
    assert (options["split_method"], options["pause_s"], options["sample_steps"]) == ("cut3", 0.1, 16)
    assert (options["repetition_penalty"], options["speed"], options["seed"]) == (1.2, 2, 5)
    assert options["by_piece"]
    http.post("/tts", json={"text": "one", "text_split_method": "auto", "streaming_mode": 3})
    options = speaker.heard[-1][1]
    assert (options["split_method"], options["pause_s"], options["by_piece"]) == (None, 0.3, False)


def test_options_that_the_model_lacks_are_left_out_and_named(http: httpx.Client, speaker: FakeSpeaker) -> None:
    speaker.able = frozenset()
    answer = http.post("/tts", json={"text": "one", "sample_steps": 16, "text_split_method": "cut5"})
    assert answer.status_code == 200
    assert answer.headers["x-vivace-ignored"] == "text_split_method, sample_steps"
    assert "x-vivace-ignored" not in http.post("/tts", json={"text": "one"}).headers
    options = speaker.heard[-1][1]
    assert (options.get("sample_steps"), options.get("split_method")) == (None, None)


def test_what_has_no_effect_is_said_and_logged(http: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    _note.cache_clear()
    with caplog.at_level(logging.INFO, "vivace.serve.apis.api_v2"):
        answer = http.get("/tts", params={"text": "one", "batch_size": 20, "parallel_infer": "true", "prompt_lang": ""})
    assert answer.headers["x-vivace-ignored"] == "batch_size, parallel_infer"
    assert "batch_size has no effect: pieces of all requests are batched" in caplog.text
    assert "x-vivace-ignored" not in http.get("/tts", params={"text": "one"}).headers
    assert set(ApiV2Request.model_fields) >= IGNORED.keys()


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"super_sampling": True}, "super_sampling: value error, the network for that (AP-BWE) is not here"),
        ({"text_split_method": "cut6"}, "text_split_method"),
        ({"streaming_mode": 4}, "streaming_mode"),
        ({"sample_steps": 0}, "sample_steps"),
        ({"media_type": "wma"}, "media_type"),
        ({"text_lang": "klingon"}, "klingon"),
        ({"model": "carl"}, "no model 'carl'"),
        ({"aux_ref_audio_paths": ["../a.wav"], "ref_audio_path": "ben"}, "aux_ref_audio_paths takes a voice's id"),
        ({"aux_ref_audio_paths": ["ben"]}, "no main voice"),
        ({"aux_ref_audio_paths": ["nobody"], "ref_audio_path": "ben"}, "no voice 'nobody'"),
    ],
)
def test_what_cannot_be_is_said_by_name(http: httpx.Client, asked: dict[str, Any], says: str) -> None:
    answer = http.post("/tts", json={"text": "one", **asked})
    assert answer.status_code in (400, 404)
    assert says in answer.json()["message"]


def test_auxiliary_voices_are_averaged_in(http: httpx.Client, speaker: FakeSpeaker) -> None:
    speaker.own = tuple(Voice(name, embedding=np.full(4, n, np.float16)) for n, name in enumerate(("anna", "ben")))
    for answer in (
        http.post("/tts", json={"text": "one", "ref_audio_path": "anna", "aux_ref_audio_paths": ["ben", "ben"]}),
        http.get("/tts", params={"text": "one", "ref_audio_path": "anna", "aux_ref_audio_paths": ["ben", "ben"]}),
    ):
        assert answer.status_code == 200
        voice = speaker.heard[-1][1]["voice"]
        assert isinstance(voice, Voice)
        assert voice.embedding is not None
        np.testing.assert_allclose(voice.embedding, 2 / 3, atol=1e-3)
    other = Voice("other", embedding=np.ones(5, np.float16))
    speaker.own = (*speaker.own, other)
    answer = http.post("/tts", json={"text": "one", "ref_audio_path": "anna", "aux_ref_audio_paths": ["other"]})
    assert (answer.status_code, "are not of one model" in answer.json()["message"]) == (400, True)


def test_whole_speech_tells_its_seed_and_verdict(http: httpx.Client) -> None:
    headers = http.post("/tts", json={"text": "one", "seed": 7}).headers
    assert (headers["x-vivace-seed"], headers["x-vivace-verdict"], headers["x-vivace-retries"]) == ("7", "ok", "0")


def test_the_usual_model_and_voice_can_be_set_by_who_has_a_key(start: Start, speaker: FakeSpeaker) -> None:
    speaker.further = ("ben",)
    with httpx.Client(base_url=start(api_keys=["secret"]).url, timeout=20) as http:
        for path in ("/set_gpt_weights", "/set_sovits_weights", "/set_refer_audio"):
            assert http.post(path, json={"weights_path": "ben"}).status_code == 401
            assert http.get(path, headers=KEY).status_code == 405
        http.headers = KEY
        assert http.post("/tts", json={"text": "one"}).status_code == 200
        assert speaker.heard[-1][1]["model"] is None
        answer = http.post("/set_gpt_weights", json={"weights_path": "ben"})
        assert answer.json() == {"message": "success"}
        assert http.post("/set_refer_audio", data={"refer_audio_path": "anna"}).status_code == 200
        http.post("/tts", json={"text": "one"})
        options = speaker.heard[-1][1]
        assert (options["model"], options["voice"]) == ("ben+fake", "anna")
        http.post("/set_sovits_weights", params={"weights_path": "ben"})
        http.post("/tts", json={"text": "one", "ref_audio_path": "ben"})
        options = speaker.heard[-1][1]
        assert (options["model"], options["voice"]) == ("ben", "ben")
        http.post("/tts", json={"text": "one", "model": "fake"})
        assert speaker.heard[-1][1]["model"] == "fake"


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/set_gpt_weights", {"weights_path": "/etc/passwd"}, 404, "no model '/etc/passwd'"),
        ("/set_gpt_weights", {}, 400, "'weights_path' is missing"),
        ("/set_sovits_weights", {"weights_path": "fake+fake"}, 404, "is a pair"),
        ("/set_refer_audio", {"refer_audio_path": "../a.wav"}, 404, "no voice '../a.wav'"),
    ],
)
def test_only_what_is_registered_can_be_set(
    start: Start, path: str, body: dict[str, str], status: int, says: str
) -> None:
    with httpx.Client(base_url=start(api_keys=["secret"]).url, headers=KEY, timeout=20) as http:
        answer = http.post(path, json=body)
        assert (answer.status_code, says in answer.json()["message"]) == (status, True)


def test_nobody_changes_what_others_hear_without_a_key(http: httpx.Client) -> None:
    answer = http.post("/set_gpt_weights", json={"weights_path": "fake"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "key_required")
    for method in (http.get, http.post):
        assert method("/control", params={"command": "exit"}).status_code == 404


def test_on_the_way_to_another_pair_both_halves_are_set(
    start: Start, speaker: FakeSpeaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker.further = ("old",)
    holding = speaker.holding

    def picky(model: str | None) -> Any:
        if model and "+" in model:
            raise WeightsMismatchError("v1 goes with v1 only")
        return holding(model)

    monkeypatch.setattr(speaker, "holding", picky)
    with httpx.Client(base_url=start(api_keys=["secret"]).url, headers=KEY, timeout=20) as http:
        first = http.post("/set_gpt_weights", json={"weights_path": "old"}).json()["message"]
        assert first == "success, once the other half is set too: v1 goes with v1 only"
        assert http.post("/set_sovits_weights", json={"weights_path": "old"}).json()["message"] == "success"


@pytest.mark.parametrize(
    ("query", "voices"),
    [
        ("aux_ref_audio_paths=", 0),
        ("aux_ref_audio_paths=ben,anna", 2),
        ("aux_ref_audio_paths=ben&aux_ref_audio_paths=anna", 2),
        ("aux_ref_audio_paths=ben,&aux_ref_audio_paths=", 1),
    ],
)
def test_further_voices_in_a_query(http: httpx.Client, speaker: FakeSpeaker, query: str, voices: int) -> None:
    assert http.get(f"/tts?text=one&ref_audio_path=anna&{query}").status_code == 200
    voice = speaker.heard[-1][1]["voice"]
    assert isinstance(voice, Voice) == bool(voices)
    asked = ApiV2Request.model_validate({"text": "one", "aux_ref_audio_paths": query.split("=")[1].split("&")[0]})
    assert len(asked.aux_ref_audio_paths) <= max(voices, 1)


def test_empty_parameters_are_missing_ones(http: httpx.Client, speaker: FakeSpeaker) -> None:
    names = [name for name in ApiV2Request.model_fields if name != "text"]
    for answer in (
        http.get("/tts", params={"text": "one", **dict.fromkeys(names, "")}),
        http.post("/tts", data={"text": "one", **dict.fromkeys(names, "")}),
        http.post("/tts", json={"text": "one", **dict.fromkeys(names)}),
    ):
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "audio/wav"
    assert http.get("/tts", params={"text": ""}).status_code == 400


def test_zero_is_greedy_or_unlimited(http: httpx.Client, speaker: FakeSpeaker) -> None:
    zeros = {"temperature": 0, "top_p": 0, "top_k": 0}
    for path in ("/tts", "/tts_with_cached_voice"):
        for answer in (http.get(path, params={"text": "one", **zeros}), http.post(path, json={"text": "one", **zeros})):
            assert answer.status_code == 200, answer.text
            options = speaker.heard[-1][1]
            assert (options["temperature"], options["top_p"], options["top_k"]) == (0.001, 0.001, 1000)
    assert http.post("/tts", json={"text": "one", "top_k": False}).status_code == 400
    assert http.post("/tts", json={"text": "one", "streaming_mode": 7}).json()["error"]["param"] == "streaming_mode"


def test_sillytavern_lists_speakers_and_posts_to_the_root(http: httpx.Client, speaker: FakeSpeaker) -> None:
    assert http.get("/speakers").json() == [
        {"name": "anna", "voice_id": "anna"},
        {"name": "ben", "voice_id": "ben"},
    ]
    body = {
        "text": "one", "prompt_text": "ben", "ref_audio_path": "./参考音频/ben.wav", "text_lang": "zh",
        "prompt_lang": "zh", "text_split_method": "cut5", "batch_size": 1, "media_type": "ogg",
        "streaming_mode": "true",
    }  # fmt: skip
    answer = http.post("/", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "audio/ogg"
    assert answer.content[:4] == b"OggS"
    assert speaker.heard[-1][1]["voice"] == "ben"
    for path in ("./参考音频/../ben.wav", "/etc/passwd", "./参考音频/x/ben.wav"):
        assert http.post("/", json={**body, "ref_audio_path": path}).json()["error"]["code"] == "path_refused"
