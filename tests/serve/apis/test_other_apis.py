"""The APIs that people come from: each call with its own names, each error in its own words and in ours."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import httpx2 as httpx
import numpy as np
import pytest
from fakes.server import Running
from fakes.speaker import RATE, FakeSpeaker, tone

from vivace.audio.decode import decode
from vivace.audio.encode import encode
from vivace.models.chattts.speaker import encode_speaker
from vivace.voices.voice import Voice

Start = Callable[..., Running]
WORDS = np.concatenate([tone("one"), tone("two")])


@pytest.mark.parametrize("way", ["get", "query", "json", "form", "json over query"])
def test_cached_voice_takes_its_parameters_from_anywhere(http: httpx.Client, speaker: FakeSpeaker, way: str) -> None:
    asked: dict[str, Any] = {
        "text": "one two",
        "voice_name": "ben",
        "text_lang": "en",
        "temperature": 0.5,
        "speed_factor": 1.0,
    }
    path = "/tts_with_cached_voice"
    answer = {
        "get": lambda: http.get(path, params=asked),
        "query": lambda: http.post(path, params=asked),
        "json": lambda: http.post(path, json=asked),
        "form": lambda: http.post(path, data=asked),
        "json over query": lambda: http.post(path, params={**asked, "text": "no"}, json={"text": "one two"}),
    }[way]()
    assert answer.content == encode(WORDS, RATE, "wav")
    options = speaker.heard[-1][1]
    assert (options["voice"], options["language"], options["temperature"]) == ("ben", "en", 0.5)


@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [
        ({}, 400, "'text' is missing"),
        ({"text": "one", "voice_name": "nobody"}, 404, "no voice 'nobody'"),
        ({"text": "one", "text_lang": "klingon"}, 400, "'klingon' is not spoken"),
        ({"text": "one", "speed_factor": 9}, 400, "less than or equal to 4"),
        ({"text": ""}, 400, "text: string should have at least 1 character"),
    ],
)
def test_cached_voice_says_what_is_wrong(http: httpx.Client, asked: dict[str, str], status: int, says: str) -> None:
    for answer in (http.get("/tts_with_cached_voice", params=asked), http.post("/tts_with_cached_voice", json=asked)):
        assert answer.status_code == status
        assert says in answer.json()["message"] == answer.json()["error"]["message"]


@pytest.mark.parametrize("body", [b"{", b"[1]", b'"text"', b"[" * 100_000, b"\xff\xfe"])
def test_a_body_that_is_no_object(http: httpx.Client, body: bytes) -> None:
    answer = http.post("/tts_with_cached_voice", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_json")


def test_api_v2_with_its_own_parameters(http: httpx.Client, speaker: FakeSpeaker) -> None:
    asked: dict[str, Any] = {
        "text": "one two",
        "text_lang": "ZH",
        "ref_audio_path": "ben",
        "prompt_lang": "zh",
        "prompt_text": "",
        "top_k": 5,
        "top_p": 1,
        "temperature": 1,
        "text_split_method": "cut5",
        "batch_size": 1,
        "media_type": "wav",
        "streaming_mode": False,
        "parallel_infer": True,
        "repetition_penalty": 1.35,
        "seed": -1,
    }
    for answer in (http.post("/tts", json=asked), http.get("/tts", params=asked)):
        assert answer.content == encode(WORDS, RATE, "wav")
        assert answer.headers["content-type"] == "audio/wav"
        options = speaker.heard[-1][1]
        assert (options["voice"], options["language"], options["seed"], options["top_k"]) == ("ben", "zh", None, 5)


@pytest.mark.parametrize("media", ["wav", "raw", "ogg", "aac", "mp3", "flac", "opus"])
@pytest.mark.parametrize("streaming", [0, 1, 2, 3, True, False])
def test_api_v2_in_every_medium(http: httpx.Client, media: str, streaming: int) -> None:
    asked: dict[str, Any] = {"text": "one two", "text_lang": "en", "media_type": media, "streaming_mode": streaming}
    body = http.post("/tts", json=asked).content
    if media == "raw":
        assert body == encode(WORDS, RATE, "pcm")
        return
    samples, rate = decode(io.BytesIO(body), "it", max_seconds=9)
    assert len(samples) / rate == pytest.approx(0.2, abs=0.1)


def test_api_v2_takes_a_recording_with_the_request(http: httpx.Client, speaker: FakeSpeaker) -> None:
    files = {"ref_audio": ("anna.wav", b"RIFF....", "audio/wav")}
    answer = http.post("/tts", data={"text": "one", "prompt_text": "Hello.", "prompt_lang": "all_yue"}, files=files)
    assert answer.status_code == 200
    voice = speaker.heard[-1][1]["voice"]
    assert isinstance(voice, Voice)
    assert (voice.transcript, voice.transcript_language) == ("Hello.", "yue")
    answer = http.post("/tts", data={"text": "one"}, files=files)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "prompt_text")


@pytest.mark.parametrize("path", ["/etc/passwd", "../anna.wav", "C:\\anna.wav", "file:///etc/passwd", "http://a/b.wav"])
def test_api_v2_never_opens_a_path(http: httpx.Client, path: str) -> None:
    answer = http.get("/tts", params={"text": "one", "ref_audio_path": path})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "path_refused")


def test_generate_voice_is_a_zip_of_mp3(http: httpx.Client, speaker: FakeSpeaker) -> None:
    speaker.delay_s = 0.02
    answer = http.post("/generate_voice", json={"text": ["one", "two", "three"], "params_infer_code": {}})
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["0.mp3", "1.mp3", "2.mp3"]
        assert archive.read("1.mp3") == encode(tone("two"), RATE, "mp3")


def test_generate_voice_with_a_speaker_string_or_a_seed(http: httpx.Client, speaker: FakeSpeaker) -> None:
    string = encode_speaker(np.arange(768, dtype=np.float16))
    infer = {"spk_emb": string, "temperature": 0.1, "top_P": 0.9, "top_K": 3, "manual_seed": 42}
    body = {"text": ["one"], "params_infer_code": infer, "params_refine_text": {"prompt": "[oral_2]"}}
    assert http.post("/generate_voice", json=body).status_code == 200
    options = speaker.heard[-1][1]
    assert isinstance(options["voice"], Voice)
    assert (options["seed"], options["top_k"], options["refine"]) == (42, 3, "[oral_2]")
    # The fake has no random speakers, as the embedded voice has none: then the default one speaks.
    http.post("/generate_voice", json={"text": ["one"], "params_infer_code": {"manual_seed": 42}})
    assert [heard[1].get("voice") for heard in speaker.heard[-2:]] == ["seed:42", None]


def test_generate_voice_says_what_is_wrong(http: httpx.Client) -> None:
    answer = http.post("/generate_voice", json={"text": []})
    assert answer.status_code == 422
    assert set(answer.json()) == {"detail", "error"}
    answer = http.post("/generate_voice", json={"text": ["x" * 3000] * 2, "params_infer_code": {}})
    assert answer.status_code == 413
    answer = http.post("/generate_voice", json={"text": ["one"], "params_infer_code": {"spk_emb": "蘁淰nonsense"}})
    assert answer.status_code == 400


def test_one_failure_in_a_batch_ends_the_others(http: httpx.Client, server: Running, speaker: FakeSpeaker) -> None:
    speaker.fails_at, speaker.delay_s = 1, 0.05
    answer = http.post("/generate_voice", json={"text": ["one two", "a b c d e f g"], "params_infer_code": {}})
    assert answer.status_code == 500
    assert server.settled()
    assert speaker.speaking == 0
