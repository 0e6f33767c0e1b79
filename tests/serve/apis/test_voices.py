"""Voices: listed, added, used and removed; ids are opaque, names never become paths."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from fakes.server import Running
from fakes.speaker import FakeSpeaker

from vivace.errors import WeightsError
from vivace.voices.store import VoiceStore
from vivace.voices.voice import Voice

Start = Callable[..., Running]
FORM = {"name": "Clara", "consent": "signed on 2026-11-01", "transcript": "Hello there."}
FILE = {"audio_sample": ("clara.wav", b"RIFF....", "audio/wav")}
SPEECH = {"model": "tts-1", "input": "one", "response_format": "pcm"}


def test_a_voice_is_added_used_and_removed(http: httpx.Client, speaker: FakeSpeaker, tmp_path: Path) -> None:
    added = http.post("/v1/audio/voices", data=FORM, files=FILE)
    assert added.status_code == 201
    card = added.json()
    assert (card["object"], card["name"], card["own"]) == ("audio.voice", "Clara", False)
    assert card["id"].startswith("voice_")
    assert card["created_at"] > 1_600_000_000
    listed = http.get("/v1/audio/voices").json()["data"]
    assert [voice["name"] for voice in listed] == ["anna", "ben", "Clara"]
    assert http.get("/v1/audio/voices?legacy=true").json() == ["anna", "ben", "Clara"]
    assert http.get(f"/v1/audio/voices/{card['id']}").json() == card == http.get("/v1/audio/voices/Clara").json()
    for voice in ("Clara", card["id"], {"id": card["id"]}):
        assert http.post("/v1/audio/speech", json={**SPEECH, "voice": voice}).status_code == 200
        assert speaker.heard[-1][1]["voice"] == card["id"]
    kept = VoiceStore(tmp_path / "voices").get(card["id"])
    assert (kept.consent, kept.transcript, kept.title) == ("signed on 2026-11-01", "Hello there.", "Clara")
    assert http.delete(f"/v1/audio/voices/{card['id']}").json() == {
        "id": card["id"],
        "object": "audio.voice",
        "deleted": True,
    }
    assert http.delete(f"/v1/audio/voices/{card['id']}").status_code == 404
    assert list((tmp_path / "voices").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"consent": "no"}, 403, "consent_required"),
        ({"consent": ""}, 400, "missing_parameter"),
        ({"transcript": ""}, 400, "missing_parameter"),
        ({"name": "anna"}, 409, "voice_exists"),
        ({"name": "alloy"}, 409, "voice_exists"),
        ({"name": "a\nb"}, 400, "invalid_value"),
        ({"name": "x" * 101}, 400, "invalid_value"),
    ],
)
def test_what_is_refused(http: httpx.Client, change: dict[str, str], status: int, code: str) -> None:
    answer = http.post("/v1/audio/voices", data={**FORM, **change}, files=FILE)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_names_never_become_paths(http: httpx.Client, tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    for name in ("../evil", "/etc/passwd", "..\\evil", "a/b", "voice_../../x", "."):
        added = http.post("/v1/audio/voices", data={**FORM, "name": name}, files=FILE)
        assert added.status_code == 201
        assert http.delete(f"/v1/audio/voices/{added.json()['id']}").status_code == 200
    assert set(tmp_path.rglob("*")) <= before | {tmp_path / "voices"}
    for name in ("..%2f..%2fetc%2fpasswd", "%2e%2e", "seed:1", "%00"):
        assert http.delete(f"/v1/audio/voices/{name}").status_code in (404, 405)


def test_the_models_own_voices_stay(http: httpx.Client) -> None:
    assert http.delete("/v1/audio/voices/anna").status_code == 403
    assert http.delete("/v1/audio/voices/alloy").status_code == 404


def test_names_of_openais_voices_are_dealt_out(http: httpx.Client, speaker: FakeSpeaker) -> None:
    for voice in ("alloy", "ash", "ballad"):
        http.post("/v1/audio/speech", json={**SPEECH, "voice": voice})
    assert [options["voice"] for _, options in speaker.heard] == ["anna", "ben", "anna"]


def test_a_model_that_cannot_learn_says_so(http: httpx.Client, speaker: FakeSpeaker) -> None:
    speaker.learns = False
    answer = http.post("/v1/audio/voices", data=FORM, files=FILE)
    assert answer.status_code == 400
    assert "cannot learn" in answer.json()["error"]["message"]


def test_recordings_and_bodies_have_a_size(start: Start) -> None:
    server = start(max_upload_mb=0.5, max_body_mb=0.1)
    with httpx.Client(base_url=server.url) as http:
        large = {"audio_sample": ("clara.wav", bytes(550_000), "audio/wav")}
        answer = http.post("/v1/audio/voices", data=FORM, files=large)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "recording_too_large")
        huge = {"audio_sample": ("clara.wav", bytes(5_000_000), "audio/wav")}
        assert http.post("/v1/audio/voices", data=FORM, files=huge).status_code == 413
        body = {**SPEECH, "voice": "anna", "input": "x" * 200_000}
        answer = http.post("/v1/audio/speech", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")
        unannounced = (b'{"input": "' + b"x" * 50_000 for _ in range(5))
        kind = {"content-type": "application/json"}
        assert http.post("/v1/audio/speech", content=unannounced, headers=kind).status_code == 413


def test_an_upload_lends_its_voice_to_nobody_who_did_not_ask_for_it(http: httpx.Client, speaker: FakeSpeaker) -> None:
    names = ("alloy", "ash", "ballad", "coral")

    def spoken_by() -> list[str | None]:
        for name in names:
            assert http.post("/v1/audio/speech", json={**SPEECH, "voice": name}).status_code == 200
        return [options["voice"] for _, options in speaker.heard[-len(names) :]]  # type: ignore[misc]

    before = spoken_by()
    assert http.post("/v1/audio/voices", data=FORM, files=FILE).status_code == 201
    assert spoken_by() == before


def test_learning_holds_nobody_up_and_has_a_queue(server: Running, speaker: FakeSpeaker) -> None:
    """Eleven recordings while speech goes on: one is learned, eight wait, two are refused."""
    hold, learn = threading.Event(), speaker.clone_voice

    def slowly(*args: Any, **options: Any) -> Voice:
        hold.wait(20)
        return learn(*args, **options)

    speaker.clone_voice = slowly  # type: ignore[method-assign]

    def upload(number: int) -> httpx.Response:
        with httpx.Client(base_url=server.url, timeout=30) as http:
            return http.post("/v1/audio/voices", data={**FORM, "name": f"Clara {number}"}, files=FILE)

    with ThreadPoolExecutor(11) as pool, httpx.Client(base_url=server.url, timeout=20) as http:
        uploads = [pool.submit(upload, number) for number in range(11)]
        refused = [done.result() for done in islice(as_completed(uploads), 2)]
        assert [(answer.status_code, answer.json()["error"]["code"]) for answer in refused] == [(429, "queue_full")] * 2
        asked = {**SPEECH, "voice": "anna", "response_format": "opus"}
        assert http.post("/v1/audio/speech", json=asked).status_code == 200
        hold.set()
        assert sorted(done.result().status_code for done in uploads) == [201] * 9 + [429] * 2


@pytest.mark.parametrize("content", [b"", b"junk" * 100])
def test_a_file_that_is_no_voice_harms_nobody(http: httpx.Client, tmp_path: Path, content: bytes) -> None:
    http.post("/v1/audio/voices", data=FORM, files=FILE)
    (tmp_path / "voices" / "x.safetensors").write_bytes(content)
    (tmp_path / "voices" / "dangling.safetensors").symlink_to("/nonexistent")
    (tmp_path / "voices" / "na me.safetensors").write_bytes(content)
    assert [voice["name"] for voice in http.get("/v1/audio/voices").json()["data"]] == ["anna", "ben", "Clara"]
    for voice in ("anna", "Clara"):
        assert http.post("/v1/audio/speech", json={**SPEECH, "voice": voice}).status_code == 200
    assert http.get("/tts", params={"text": "one"}).status_code == 200
    assert http.get("/tts_with_cached_voice", params={"text": "one"}).status_code == 200
    refused = http.post("/v1/audio/speech", json={**SPEECH, "voice": "x"})
    assert refused.status_code == 404
    assert str(tmp_path) not in refused.text


def test_an_error_of_the_models_files_names_no_path(http: httpx.Client, speaker: FakeSpeaker, tmp_path: Path) -> None:
    speaker.surprise = WeightsError(f"{tmp_path}/model.safetensors is damaged")
    answer = http.post("/v1/audio/speech", json={**SPEECH, "voice": "anna"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "model_unavailable")
    assert str(tmp_path) not in answer.text
