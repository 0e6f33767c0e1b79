"""``vivace voices``: what people have becomes a voice of the list."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from vivace.audio.files import write_audio
from vivace.cli.main import exit_code
from vivace.models.chattts.speaker import encode_speaker
from vivace.models.registry import embedded_root
from vivace.settings import TTSConfig
from vivace.voices.store import VoiceStore

LISTENING_MODEL = str(Path(__file__).parents[1] / "goldens" / "chattts" / "checkpoint")
VECTOR = np.linspace(-1, 1, 256).astype(np.float16)


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def added() -> VoiceStore:
    return VoiceStore(TTSConfig().paths.voices_dir)


def listed(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    capsys.readouterr()
    assert exit_code(["voices", "list", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {row["name"]: row for row in rows}


def test_the_embedded_voices_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    voices = listed(capsys)
    assert voices["vivienne"]["languages"] == ["zh", "en"]
    assert voices["vivienne"]["origin"] == "model"
    assert exit_code(["voices", "list"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["voice", "languages", "from", "description"]


def test_a_speaker_string_and_a_file_with_one(capsys: pytest.CaptureFixture[str]) -> None:
    string = encode_speaker(VECTOR)
    Path("speaker.txt").write_text(string + "\n", encoding="utf-8")
    assert exit_code(["voices", "add", "from_string", string, "--languages", "zh", "--description", "calm"]) == 0
    assert exit_code(["voices", "add", "from_file", "speaker.txt"]) == 0
    voices = listed(capsys)
    assert voices["from_string"]["languages"] == ["zh"]
    assert voices["from_string"]["description"] == "calm"
    for name in ("from_string", "from_file"):
        embedding = added().get(name).embedding
        assert embedding is not None
        np.testing.assert_array_equal(embedding, VECTOR)


def test_a_community_vector_file_becomes_a_voice_that_speaks(capsys: pytest.CaptureFixture[str]) -> None:
    marcel = VoiceStore(embedded_root() / "voices").get("marcel").embedding
    torch.save(torch.from_numpy(marcel)[None], "marcel.pt")
    assert exit_code(["voices", "add", "twin", "marcel.pt"]) == 0
    assert exit_code(["say", "Twins.", "--voice", "twin", "--seed", "2", "-o", "twin.wav"]) == 0
    assert exit_code(["say", "Twins.", "--voice", "marcel", "--seed", "2", "-o", "marcel.wav"]) == 0
    assert Path("twin.wav").read_bytes() == Path("marcel.wav").read_bytes()


def test_a_voice_file_gets_the_name_it_is_added_under(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["voices", "add", "second", str(embedded_root() / "voices" / "clara.safetensors")]) == 0
    assert Path(capsys.readouterr().out.strip()) == added().folder / "second.safetensors"
    assert exit_code(["voices", "show", "second"]) == 0
    assert "speaker vector of 256" in capsys.readouterr().out


def test_a_recording_with_its_transcript(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = np.arange(48_000) / 24_000
    tone = (0.3 * np.sin(2 * np.pi * 220 * seconds) * (1 + np.sin(2 * np.pi * 3 * seconds))).astype(np.float32)
    write_audio(Path("me.flac"), tone, 24_000)
    command = ["voices", "add", "me", "me.flac", "-t", "That is me.", "--model", LISTENING_MODEL, "--languages", "en"]
    assert exit_code(command) == 0
    voice = added().get("me")
    assert voice.languages == ("en",)
    assert voice.transcript == "That is me."
    assert voice.prompt_codes is not None
    assert voice.prompt_codes.shape[0] == 4


def test_a_name_is_kept_until_it_is_overwritten_or_removed(capsys: pytest.CaptureFixture[str]) -> None:
    string = encode_speaker(VECTOR)
    assert exit_code(["voices", "add", "one", string]) == 0
    assert exit_code(["voices", "add", "one", string]) == 2
    assert "'one' exists already" in capsys.readouterr().err
    assert exit_code(["voices", "add", "one", string, "--overwrite"]) == 0
    assert exit_code(["voices", "remove", "one"]) == 0
    assert "one" not in listed(capsys)
    assert exit_code(["voices", "remove", "one"]) == 2


def test_a_transcript_without_a_recording_and_a_language_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["voices", "add", "x", encode_speaker(VECTOR), "-t", "Hello."]) == 2
    assert "no recording" in capsys.readouterr().err
    assert exit_code(["voices", "add", "x", encode_speaker(VECTOR), "--languages", "en,fr"]) == 2
    assert "'fr'" in capsys.readouterr().err
