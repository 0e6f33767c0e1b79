"""OpenAI's own client against the server: every format, both ways of streaming, models, and each error by its name."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from typing import get_args

import httpx2 as httpx
import numpy as np
import openai
import pytest
from fakes.server import Running
from fakes.speaker import RATE, WORD_S, FakeSpeaker, tone
from openai import OpenAI

from vivace.audio.decode import decode
from vivace.audio.encode import encode
from vivace.audio.spec import AudioFormat
from vivace.voices.voice import Voice

Start = Callable[..., Running]


opened: list[OpenAI] = []


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """A socket that is left to the collector is a warning in some later test."""
    yield
    while opened:
        opened.pop().close()


def client_of(server: Running, **options: object) -> OpenAI:
    key = str(options.pop("api_key", "none"))
    opened.append(OpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0, timeout=20))
    return opened[-1]


@pytest.fixture
def client(server: Running) -> Iterator[OpenAI]:
    with client_of(server) as made:
        yield made


@pytest.mark.parametrize("format", get_args(AudioFormat))
def test_every_format_is_the_file_it_says(client: OpenAI, format: AudioFormat) -> None:
    answer = client.audio.speech.create(model="tts-1", voice="anna", input="one two three", response_format=format)
    body = answer.read()
    words = np.concatenate([tone(word) for word in ("one", "two", "three")])
    if format == "pcm":
        assert body == encode(words, RATE, "pcm")
        return
    samples, rate = decode(io.BytesIO(body), "it", max_seconds=9)
    assert len(samples) / rate == pytest.approx(3 * WORD_S, abs=0.1)
    assert answer.response.headers["content-type"].startswith("audio/")


def test_mp3_is_what_comes_without_a_format(client: OpenAI) -> None:
    answer = client.audio.speech.create(model="tts-1", voice="alloy", input="one")
    assert answer.response.headers["content-type"] == "audio/mpeg"


def test_audio_arrives_while_the_rest_is_made(client: OpenAI, speaker: FakeSpeaker) -> None:
    speaker.delay_s = 0.05
    create = client.audio.speech.with_streaming_response.create
    with create(model="tts-1", voice="anna", input="a b c d e f", response_format="opus") as answer:
        made = [speaker.made for _ in answer.iter_bytes(64)]
    assert made[0] < 4 < made[-1] == 6


def test_events_join_to_the_same_file(client: OpenAI) -> None:
    def ask(stream_format: str) -> bytes:
        return client.audio.speech.create(
            model="gpt-4o-mini-tts",
            voice="anna",
            input="one two",
            response_format="wav",
            stream_format=stream_format,  # type: ignore[arg-type]
        ).read()

    events = [block.split("\n") for block in ask("sse").decode().strip().split("\n\n")]
    told = [json.loads(data.removeprefix("data: ")) for _, data in events]
    assert [kind for kind, _ in events] == [f"event: {event['type']}" for event in told]
    joined = b"".join(base64.b64decode(event["audio"]) for event in told if event["type"] == "speech.audio.delta")
    assert joined == ask("audio")
    assert told[-1]["type"] == "speech.audio.done"
    usage = told[-1]["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > 0


def test_all_options_reach_the_speaker(client: OpenAI, speaker: FakeSpeaker) -> None:
    client.audio.speech.create(
        model="vivace",
        voice={"id": "ben"},
        input="one",
        speed=1.5,
        extra_body={
            "seed": 7,
            "language": "en",
            "temperature": 0.4,
            "top_p": 0.9,
            "top_k": 5,
            "by_piece": True,
            "text_format": "plain",
        },
    )
    text, options = speaker.heard[-1]
    assert text == "one"
    assert options == {
        "model": None,
        "sample_steps": None,
        "by_piece": True,
        "max_audio_s": 600.0,
        "voice": "ben",
        "speed": 1.5,
        "seed": 7,
        "language": "en",
        "temperature": 0.4,
        "top_p": 0.9,
        "top_k": 5,
        "text_format": "plain",
    }


def test_pcm_is_24_khz_whatever_the_model_speaks(client: OpenAI, speaker: FakeSpeaker) -> None:
    speaker.sample_rate = 32_000  # its chunks still say 24,000, so that what is resampled can be compared
    answer = client.audio.speech.create(model="tts-1", voice="anna", input="one", response_format="pcm")
    assert len(answer.read()) == round(WORD_S * RATE) * 2


def test_instructions_are_taken_and_said_to_be_ignored(client: OpenAI) -> None:
    answer = client.audio.speech.create(model="tts-1", voice="anna", input="one", instructions="Be cheerful.")
    assert answer.response.headers["x-vivace-ignored"] == "instructions"


def test_languages_of_kokoro(client: OpenAI, speaker: FakeSpeaker) -> None:
    for written, meant in (("a", "en"), ("z", "zh"), ("j", "ja"), ("en-us", "en")):
        client.audio.speech.create(model="tts-1", voice="anna", input="one", extra_body={"lang_code": written})
        assert speaker.heard[-1][1]["language"] == meant
    with pytest.raises(openai.BadRequestError, match="'f' is not spoken"):
        client.audio.speech.create(model="tts-1", voice="anna", input="one", extra_body={"lang_code": "f"})


@pytest.mark.parametrize("format", ["wav", "mp3", "pcm"])
def test_without_streaming_the_file_has_its_length(client: OpenAI, format: AudioFormat) -> None:
    answer = client.audio.speech.create(
        model="tts-1",
        voice="anna",
        input="one two",
        response_format=format,
        extra_body={"stream": False},
    )
    body = answer.read()
    assert "x-vivace-ignored" not in answer.response.headers
    assert body == encode(np.concatenate([tone("one"), tone("two")]), RATE, format)


def test_voices_are_mixed_by_weight(client: OpenAI, speaker: FakeSpeaker) -> None:
    speaker.own = tuple(
        Voice(name, embedding=np.full(4, value, np.float32)) for name, value in (("anna", 1.0), ("ben", 4.0))
    )
    for written, mean in (("anna+ben", 2.5), ("anna(2)+ben(1)", 2.0), (" anna (0.5) + ben (1.5)", 3.25)):
        client.audio.speech.create(model="tts-1", voice=written, input="one", extra_body={"seed": 1})
        voice = speaker.heard[-1][1]["voice"]
        assert isinstance(voice, Voice)
        assert voice.embedding is not None
        assert voice.embedding.tolist() == [mean] * 4


@pytest.mark.parametrize(
    ("written", "kind", "message"),
    [
        ("anna+nobody", openai.NotFoundError, "no voice 'nobody'"),
        ("anna+", openai.BadRequestError, "no mix of voices"),
        ("anna(0)+ben", openai.BadRequestError, "no mix of voices"),
        ("+".join(["anna"] * 9), openai.BadRequestError, "no mix of voices"),
        ("anna+seed:7", openai.BadRequestError, "random voices"),
        ("anna+codes", openai.BadRequestError, "cannot be mixed"),
    ],
)
def test_mixes_that_cannot_be_made(
    client: OpenAI, speaker: FakeSpeaker, written: str, kind: type[openai.APIStatusError], message: str
) -> None:
    speaker.own = (*speaker.own, Voice("codes", None, np.zeros((4, 3), np.int32), "Words."))
    with pytest.raises(kind, match=message):
        client.audio.speech.create(model="tts-1", voice=written, input="one")


def test_open_webui_lists_models_and_voices(client: OpenAI, server: Running) -> None:
    """Open WebUI reads ``models`` and ``voices`` of a base address that ends with /v1."""
    models = httpx.get(f"{server.url}/v1/audio/models").json()
    assert {"id": "tts-1", "name": "tts-1"} in models["models"]
    assert [one["id"] for one in models["data"]] == [one["id"] for one in models["models"]]
    voices = httpx.get(f"{server.url}/v1/audio/voices").json()
    assert voices["voices"] == [{"id": "anna", "name": "anna"}, {"id": "ben", "name": "ben"}]
    assert [one["id"] for one in voices["data"]] == ["anna", "ben"]


def test_models(client: OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert {"fake", "vivace", "tts-1", "gpt-4o-mini-tts"} <= set(names)
    assert client.models.retrieve("tts-1").id == "tts-1"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("dall-e-3")


BAD: list[tuple[dict[str, object], type[openai.APIStatusError], str, str | None]] = [
    ({"model": "whisper-1"}, openai.NotFoundError, "model_not_found", "model"),
    ({"voice": "nobody"}, openai.NotFoundError, "voice_not_found", None),
    ({"input": "   "}, openai.BadRequestError, "empty_text", None),
    ({"input": "x" * 5000}, openai.BadRequestError, "string_above_max_length", "input"),
    ({"speed": 5}, openai.BadRequestError, "invalid_value", "speed"),
    ({"response_format": "ogg"}, openai.BadRequestError, "invalid_value", "response_format"),
    ({"voice": ""}, openai.BadRequestError, "invalid_value", "voice"),
    ({"voice": {"id": ""}}, openai.BadRequestError, "invalid_value", "voice"),
    ({"extra_body": {"speed": True}}, openai.BadRequestError, "invalid_value", "speed"),
    ({"extra_body": {"seed": True}}, openai.BadRequestError, "invalid_value", "seed"),
    ({"extra_body": {"language": "xx"}}, openai.BadRequestError, "unsupported_language", None),
    ({"extra_body": {"seed": -1}}, openai.BadRequestError, "invalid_value", "seed"),
]


@pytest.mark.parametrize(("change", "kind", "code", "param"), BAD, ids=[row[2] + str(row[3] or "") for row in BAD])
def test_each_error_as_the_client_names_it(
    client: OpenAI, change: dict[str, object], kind: type[openai.APIStatusError], code: str, param: str | None
) -> None:
    with pytest.raises(kind) as caught:
        client.audio.speech.create(**{"model": "tts-1", "voice": "anna", "input": "one", **change})  # type: ignore[arg-type]
    error = caught.value.response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["code"], error["param"]) == (code, param)
    assert "\n" not in error["message"]
    assert caught.value.request_id is not None


def test_a_failure_before_the_first_byte_is_an_error_and_not_tried_again(server: Running, speaker: FakeSpeaker) -> None:
    speaker.fails_at = 0
    insistent = OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=3)
    with insistent, pytest.raises(openai.InternalServerError, match="made no sound"):
        insistent.audio.speech.create(model="tts-1", voice="anna", input="one two")
    assert len(speaker.heard) == 1


def test_a_failure_on_the_way_breaks_the_stream_off(client: OpenAI, speaker: FakeSpeaker) -> None:
    speaker.fails_at = 1
    with pytest.raises(openai.APIConnectionError):
        client.audio.speech.create(model="tts-1", voice="anna", input="one two", response_format="pcm")
    answer = client.audio.speech.create(
        model="tts-1", voice="anna", input="one two", response_format="pcm", stream_format="sse"
    )
    assert '"code": "synthesis_failed"' in answer.text.split("\n\n")[1]


def test_a_full_queue_is_a_rate_limit_that_says_when_to_come_back(start: Start, speaker: FakeSpeaker) -> None:
    server = start(max_active=1, max_queue=0)
    speaker.delay_s = 0.2
    create = client_of(server).audio.speech.with_streaming_response.create
    with create(model="tts-1", voice="anna", input="one two three", response_format="pcm") as answer:
        parts = answer.iter_bytes()
        assert next(parts)
        with pytest.raises(openai.RateLimitError) as caught:
            client_of(server).audio.speech.create(model="tts-1", voice="anna", input="one")
    assert int(caught.value.response.headers["retry-after"]) >= 1
    assert server.settled()
    with OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=5) as patient:
        assert patient.audio.speech.create(model="tts-1", voice="anna", input="one").read()


def test_the_deadline_of_the_first_audio(start: Start, speaker: FakeSpeaker) -> None:
    speaker.delay_s = 5
    with pytest.raises(openai.InternalServerError) as caught:
        client_of(start(deadline_s=0.05)).audio.speech.create(model="tts-1", voice="anna", input="one")
    assert caught.value.status_code == 504
    assert speaker.speaking == 0


def test_keys(start: Start) -> None:
    server = start(api_keys=["right", "other"])
    assert client_of(server, api_key="other").models.list()
    with pytest.raises(openai.AuthenticationError):
        client_of(server, api_key="wrong").models.list()


def test_speech_that_grows_too_long_is_broken_off(start: Start) -> None:
    client = client_of(start(max_audio_seconds=2.5 * WORD_S))
    assert client.audio.speech.create(model="tts-1", voice="anna", input="one two").read()
    with pytest.raises(openai.APIConnectionError):
        client.audio.speech.create(model="tts-1", voice="anna", input="one two three", response_format="pcm")


def test_fields_that_are_not_known_are_accepted_and_named(client: OpenAI, speaker: FakeSpeaker) -> None:
    extra = {
        "return_download_link": False,
        "normalization_options": {},
        "volume_multiplier": 1,
        "user": "u",
        "metadata": {},
        "a\nb": 1,
    }
    answer = client.audio.speech.create(
        model="tts-1", voice="anna", input="one", instructions="Be cheerful.", extra_body=extra
    )
    named = answer.response.headers["x-vivace-ignored"].split(", ")
    assert sorted(named) == [
        "instructions", "metadata", "normalization_options", "return_download_link", "user", "volume_multiplier",
    ]  # fmt: skip
    assert (
        client.audio.speech.create(model="tts-1", voice="anna", input="one").response.headers.get("x-vivace-ignored")
        is None
    )


def test_null_is_a_missing_field(client: OpenAI, speaker: FakeSpeaker) -> None:
    fields = ("speed", "response_format", "stream_format", "instructions", "seed", "language", "temperature")
    answer = client.audio.speech.create(model="tts-1", voice="anna", input="one", extra_body=dict.fromkeys(fields))
    assert answer.response.headers["content-type"] == "audio/mpeg"
    assert speaker.heard[-1][1]["speed"] == 1.0


@pytest.mark.parametrize(
    ("tag", "language"),
    [("en-US", "en"), ("zh-CN", "zh"), ("ZH", "zh"), ("ja_JP", "ja"), ("cmn-Hans", "zh"), ("zh-HK", "yue")],
)
def test_languages_may_be_tags(client: OpenAI, speaker: FakeSpeaker, tag: str, language: str) -> None:
    client.audio.speech.create(model="tts-1", voice="anna", input="one", extra_body={"language": tag})
    assert speaker.heard[-1][1]["language"] == language


def test_flac_has_its_length_in_the_header(client: OpenAI) -> None:
    """libsndfile, and so Python's soundfile, cannot read a file without it."""
    body = client.audio.speech.create(model="tts-1", voice="anna", input="one two", response_format="flac").read()
    assert body[:4] == b"fLaC"
    assert int.from_bytes(body[21:26], "big") & ((1 << 36) - 1) == 2 * round(WORD_S * RATE)  # STREAMINFO: total samples


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        (b'{"model": "tts-1"', "invalid_json", "is not valid JSON at character"),
        (b"", "missing_parameter", "the body is missing"),
        (b"[]", "invalid_value", "the body"),
    ],
)
def test_a_body_that_is_no_object_is_told_without_parser_internals(
    server: Running, body: bytes, code: str, says: str
) -> None:
    with httpx.Client(base_url=server.url) as http:
        answer = http.post("/v1/audio/speech", content=body, headers={"content-type": "application/json"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, None)
    assert says in error["message"]


def test_a_chunked_body_that_is_too_large_has_its_code(start: Callable[..., Running]) -> None:
    server = start(max_body_mb=0.001)
    with httpx.Client(base_url=server.url) as http:
        answer = http.post("/v1/audio/speech", content=iter([b" " * 600] * 4))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")
