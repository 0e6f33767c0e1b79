"""The embedded voice says what it left out and what it said twice: attention tells, after the fact."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from vivace import TTS, TTSConfig
from vivace.models.chattts.checkpoint.parts import load_chattts
from vivace.models.chattts.family import ChatTTSFamily
from vivace.models.family import Reference
from vivace.models.registry import embedded_root
from vivace.pipeline.speech_check import fault_of, goes_back, skips
from vivace.settings.config import CheckConfig
from vivace.text import split
from vivace.voices.voice import Voice, load_voice

GOLDENS = Path(__file__).parents[1] / "goldens" / "chattts"
TEXTS = {
    "clara": "The old man walked slowly along the river until he found the bridge.",
    "vivienne": "昨天下午我们在公园里看见了很多小朋友。",
}


@pytest.fixture(scope="module")
def stages() -> ChatTTSFamily:
    return ChatTTSFamily(load_chattts(embedded_root()))


def voice(name: str) -> Voice:
    return load_voice(embedded_root() / "voices" / f"{name}.safetensors")


def spoken(stages: ChatTTSFamily, name: str) -> Tensor:
    (piece,) = split(TEXTS[name])
    script = stages.model_text(piece)
    return stages.codes(script, stages.prompt(script, voice(name)), stages.sampling, seed=1).codes


@pytest.mark.parametrize("name", TEXTS)
def test_what_was_left_out_or_said_twice_is_noticed(stages: ChatTTSFamily, name: str) -> None:
    (piece,) = split(TEXTS[name])
    script = stages.model_text(piece)
    prompt, expected = stages.prompt(script, voice(name)), stages.expected_length(script, None)
    codes = spoken(stages, name)
    third = len(codes) // 3

    def fault(said: Tensor) -> str | None:
        reading = stages.align(script, prompt, said)
        assert reading is not None
        assert len(reading.at) == len(said)
        return fault_of(said.numpy(), expected, ended=True, silent=False, alignment=reading)

    assert fault(codes) is None
    assert fault(codes[: 2 * third]) == "skipped"
    assert fault(torch.cat((codes[:third], codes[2 * third :]))) in ("skipped", "repeated")
    assert fault(torch.cat((codes[: 2 * third], codes[third:]))) == "repeated"


@pytest.mark.parametrize("name", TEXTS)
def test_int8_reads_what_float32_reads(stages: ChatTTSFamily, name: str) -> None:
    coarse = ChatTTSFamily(load_chattts(embedded_root(), precision="int8"))
    (piece,) = split(TEXTS[name])
    codes = spoken(stages, name)
    exact, near = (
        s.align(s.model_text(piece), s.prompt(s.model_text(piece), voice(name)), codes) for s in (stages, coarse)
    )
    assert exact is not None
    assert near is not None
    assert near.seen == pytest.approx(exact.seen, abs=0.3)
    assert (near.at == exact.at).mean() > 0.95
    assert abs(near.at - exact.at).max() <= 1
    assert (near.sounds == exact.sounds).all()


def test_words_that_are_missing_are_noticed_where_the_length_tells_nothing(stages: ChatTTSFamily) -> None:
    (piece,) = split("The old man walked slowly along the river until he found the bridge at last.")
    script = stages.model_text(piece)
    codes, expected = spoken(stages, "clara"), stages.expected_length(script, None)
    assert fault_of(codes.numpy(), expected, ended=True, silent=False) is None
    reading = stages.align(script, stages.prompt(script, voice("clara")), codes)
    assert reading is not None
    assert skips(reading)
    assert not goes_back(reading, expected.rate)


def test_who_has_no_known_heads_or_continues_a_recording_is_not_followed(stages: ChatTTSFamily) -> None:
    goldens = ChatTTSFamily(load_chattts(GOLDENS / "checkpoint"))
    (piece,) = split("Hello.")
    narrow = Voice("x", embedding=torch.ones(96).half().numpy())
    assert stages.generation(stages.model_text(piece), voice("clara"), None, stages.sampling, 1).align is not None
    assert goldens.generation(goldens.model_text(piece), narrow, None, goldens.sampling, 1).align is None
    recording = Reference(torch.zeros(4, 9, dtype=torch.int32).numpy(), "hello")
    assert stages.generation(stages.model_text(piece), voice("clara"), recording, stages.sampling, 1).align is None


@pytest.mark.parametrize("enabled", [True, False])
def test_who_wants_no_verdict_is_not_followed(monkeypatch: pytest.MonkeyPatch, enabled: bool) -> None:
    asked: list[int] = []
    monkeypatch.setattr("vivace.models.chattts.family.trace_alignment", lambda *args: asked.append(1))
    with TTS(config=TTSConfig(check=CheckConfig(enabled=enabled))) as tts:
        tts.synthesize("Hello.", seed=1)
    assert asked == ([1] if enabled else [])


def test_no_speech_has_no_reading(stages: ChatTTSFamily) -> None:
    (piece,) = split("Hello.")
    script = stages.model_text(piece)
    prompt = stages.prompt(script, voice("clara"))
    assert stages.align(script, prompt, torch.zeros(0, 4, dtype=torch.long)) is None
    one = stages.align(script, prompt, torch.zeros(1, 4, dtype=torch.long))
    assert one is not None
    assert len(one.at) == 1
