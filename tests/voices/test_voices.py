from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from vivace.errors import InputError, VoiceNotFoundError, WeightsError
from vivace.models.chattts.speaker import encode_speaker, voice_from_audio_prompt, voice_from_string, voice_string
from vivace.voices.registry import VoiceRegistry
from vivace.voices.store import VoiceStore
from vivace.voices.voice import Voice, load_voice, save_voice

VECTOR = np.arange(8, dtype=np.float16)


def test_a_voice_file_round_trips(tmp_path: Path) -> None:
    voice = Voice("amy", VECTOR, np.ones((4, 9), np.int32), "你好。", languages=("zh",), description="made for a test")
    save_voice(voice, tmp_path / "amy.safetensors")
    read = load_voice(tmp_path / "amy.safetensors")
    assert (read.name, read.transcript, read.languages, read.description) == (
        "amy",
        "你好。",
        ("zh",),
        voice.description,
    )
    assert read.embedding is not None
    assert read.embedding.dtype == np.float16
    assert np.array_equal(read.embedding, VECTOR)
    assert read.prompt_codes is not None
    assert read.prompt_codes.shape == (4, 9)


def test_other_safetensors_are_no_voice(tmp_path: Path) -> None:
    save_file({"embedding": VECTOR}, tmp_path / "x.safetensors")
    with pytest.raises(WeightsError, match="not a voice file"):
        load_voice(tmp_path / "x.safetensors")


@pytest.mark.parametrize("name", ["", "a b", "../up", "x" * 65, "a/b", "seed:x y"])
def test_names_stay_simple(name: str) -> None:
    with pytest.raises(InputError, match="cannot be a voice's name"):
        Voice(name, VECTOR)


def test_a_recording_and_its_transcript_belong_together() -> None:
    with pytest.raises(InputError, match="transcript"):
        Voice("amy", prompt_codes=np.ones((4, 9), np.int32))
    with pytest.raises(InputError, match="neither"):
        Voice("amy")


def test_the_store_adds_lists_and_removes(tmp_path: Path) -> None:
    store = VoiceStore(tmp_path / "voices")
    assert store.list() == ()
    store.add(Voice("bob", VECTOR))
    with pytest.raises(InputError, match="exists already"):
        store.add(Voice("bob", VECTOR))
    store.add(Voice("bob", VECTOR + 1), overwrite=True)
    store.add(Voice("amy", VECTOR))
    assert store.names() == ["amy", "bob"]
    embedding = store.get("bob").embedding
    assert embedding is not None
    assert embedding[0] == 1
    store.remove("bob")
    assert "bob" not in store
    with pytest.raises(VoiceNotFoundError):
        store.remove("bob")
    assert [path.name for path in store.folder.iterdir()] == ["amy.safetensors"]


def test_names_never_leave_the_folder(tmp_path: Path) -> None:
    save_voice(Voice("amy", VECTOR), tmp_path / "amy.safetensors")
    store = VoiceStore(tmp_path / "voices")
    assert "../amy" not in store
    with pytest.raises(VoiceNotFoundError):
        store.get("../amy")


def test_the_models_own_voices_come_first(tmp_path: Path) -> None:
    own, added = VoiceStore(tmp_path / "own"), VoiceStore(tmp_path / "added")
    own.add(Voice("amy", VECTOR))
    added.add(Voice("amy", VECTOR + 1))
    added.add(Voice("zoe", VECTOR))
    book = VoiceRegistry(own, added, None)
    assert [voice.name for voice in book.list()] == ["amy", "zoe"]
    found = book.get("amy").embedding
    assert found is not None
    assert found[0] == 0
    with pytest.raises(VoiceNotFoundError, match="known: amy, zoe;"):
        book.get("bob")


def test_seeds_are_drawn_where_there_are_statistics(tmp_path: Path) -> None:
    store = VoiceStore(tmp_path)
    book = VoiceRegistry(store, store, lambda seed: np.full(8, seed, np.float16))
    drawn = book.get("seed:5").embedding
    assert drawn is not None
    assert drawn[0] == 5
    with pytest.raises(VoiceNotFoundError, match="whole number"):
        book.get("seed:five")


def test_a_speaker_string_is_a_voice() -> None:
    voice = voice_from_string("amy", encode_speaker(VECTOR))
    assert voice.embedding is not None
    assert np.array_equal(voice.embedding, VECTOR)


def test_voices_go_to_strings_and_back() -> None:
    vector = Voice("amy", VECTOR)
    assert voice_string(voice_from_string("bob", voice_string(vector))) == voice_string(vector)
    codes = np.arange(36, dtype=np.int32).reshape(4, 9)
    heard = voice_from_audio_prompt(
        "zoe", voice_string(Voice("amy", prompt_codes=codes, transcript="你好。")), "你好。"
    )
    assert heard.prompt_codes is not None
    assert np.array_equal(heard.prompt_codes, codes)


def _spoil(folder: Path) -> set[str]:
    """Everything that another program may leave in the folder; the names that it has there."""
    good = (folder / "good.safetensors").read_bytes()
    (folder / "empty.safetensors").touch()
    (folder / "junk.safetensors").write_bytes(b"junk" * 1000)
    (folder / "half.safetensors").write_bytes(good[: len(good) // 2])
    (folder / "dangling.safetensors").symlink_to("/nonexistent")
    (folder / "self.safetensors").symlink_to("self.safetensors")
    (folder / "folder.safetensors").mkdir()
    (folder / "good (1).safetensors").write_bytes(good)
    (folder / "na me.safetensors").write_bytes(good)
    save_file({"embedding": VECTOR}, folder / "other.safetensors")
    return {"empty", "junk", "half", "dangling", "self", "folder", "good (1)", "na me", "other"}


def test_what_is_no_voice_is_left_out_with_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = VoiceStore(tmp_path)
    store.add(Voice("good", VECTOR))
    spoilt = _spoil(tmp_path)
    for _ in range(3):
        assert [voice.name for voice in store.list()] == ["good"]
    warned = [Path(record.args[0]).name for record in caplog.records if isinstance(record.args, tuple)]  # type: ignore[arg-type]
    assert sorted(warned) == sorted(f"{name}.safetensors" for name in spoilt)


def test_a_copied_file_is_a_voice_of_its_own(tmp_path: Path) -> None:
    store = VoiceStore(tmp_path)
    path = store.add(Voice("good", VECTOR))
    (tmp_path / "copy.safetensors").write_bytes(path.read_bytes())
    assert [voice.name for voice in store.list()] == ["copy", "good"]


def test_a_voice_that_is_removed_while_others_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = VoiceStore(tmp_path)
    store.add(Voice("good", VECTOR))
    monkeypatch.setattr(store, "names", lambda: ["gone", "good"])
    assert [voice.name for voice in store.list()] == ["good"]


def test_voices_are_private(tmp_path: Path) -> None:
    path = VoiceStore(tmp_path / "voices").add(Voice("good", VECTOR))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
