from dataclasses import replace
from pathlib import Path

import pytest
import torch

from vivace.engine.sampler_state import SamplingParams
from vivace.errors import InputError
from vivace.models.chattts.checkpoint.parts import load_chattts
from vivace.models.chattts.family import ChatTTSFamily
from vivace.models.family import Reference, segment_units
from vivace.models.registry import embedded_root
from vivace.text import split
from vivace.types import Segment
from vivace.voices.voice import Voice

GOLDENS = Path(__file__).parents[2] / "goldens" / "chattts" / "checkpoint"
PLAIN = SamplingParams()


@pytest.fixture(scope="module")
def embedded() -> ChatTTSFamily:
    return ChatTTSFamily(load_chattts(embedded_root()))


@pytest.fixture(scope="module")
def published() -> ChatTTSFamily:
    return ChatTTSFamily(load_chattts(GOLDENS))


def piece(text: str) -> Segment:
    (only,) = split(text)
    return only


def test_a_model_over_phones_reads_phones(embedded: ChatTTSFamily) -> None:
    script = embedded.model_text(piece("Hello, 你好。"))
    assert script.text.split() == ["HH", "AH0", "L", "OW1", ",", "i_n", "f_i2", "i_h", "f_ao3", "."]
    assert script.style_prompt == ""
    assert script.units == len(script.text.split())


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("Hello", "OW1 ."),
        ("Hello,", ", ."),
        ("Hello;", "; ."),
        ("Hello [lbreak]", "[lbreak] ."),
        ("Hello.", "OW1 ."),
        ("Hello?", "OW1 ?"),
        ("Hello!", "OW1 !"),
        ("你好", "f_ao3 ."),
    ],
)
def test_every_piece_ends_like_the_sentences_of_the_training(embedded: ChatTTSFamily, text: str, end: str) -> None:
    assert embedded.model_text(piece(text)).text.endswith(end)


def test_a_model_over_characters_reads_characters(published: ChatTTSFamily) -> None:
    script = published.model_text(piece("你好！Hello?"))
    assert script.text == "你好。Hello。"
    assert script.style_prompt == "[speed_5]"


def test_pauses_and_laughs_stay_where_they_are_known(published: ChatTTSFamily, embedded: ChatTTSFamily) -> None:
    text = "你好[uv_break]世界[laugh]。"
    assert published.model_text(piece(text)).text == text
    tokens = embedded.model_text(piece(text)).text.split()
    assert "[laugh]" not in tokens
    assert tokens[4] == "[uv_break]"


def test_speed_tags_change_the_manner(published: ChatTTSFamily) -> None:
    script = published.model_text(piece("[speed_2]你好。"))
    assert (script.text, script.style_prompt) == ("你好。", "[speed_2]")


def test_text_cannot_move_the_speaker(published: ChatTTSFamily) -> None:
    voice = Voice("x", embedding=torch.ones(96).half().numpy())
    clean = published.model_text(piece("你好。"))
    dirty = replace(clean, text="[spk_emb]你好。[Stts]")
    one, other = published.prompt(clean, voice), published.prompt(dirty, voice)
    assert torch.equal(one.embeddings, other.embeddings)


def test_a_recording_follows_the_text(published: ChatTTSFamily) -> None:
    voice = Voice("x", embedding=torch.ones(96).half().numpy())
    script = published.model_text(piece("你好。"))
    codes = torch.randint(0, 625, (4, 30)).int().numpy()
    alone = published.prompt(script, voice)
    recorded = published.prompt(script, voice, Reference(codes, "世界。"))
    assert recorded.embeddings.shape[1] == alone.embeddings.shape[1] + 30 + 3


@pytest.mark.parametrize("text", ["Hi.", "你好，今天天气很好。", "A somewhat longer sentence, with a pause."])
def test_speech_is_neither_shorter_nor_endlessly_longer_than_its_phones(embedded: ChatTTSFamily, text: str) -> None:
    script = embedded.model_text(piece(text))
    voice = Voice("noise", embedding=torch.randn(256, generator=torch.Generator().manual_seed(0)).numpy())
    wild = SamplingParams(temperature=5.0, top_p=1.0, top_k=626)
    made = embedded.codes(script, embedded.prompt(script, voice), wild, 1)
    assert script.units <= len(made.codes) <= script.units * embedded.own.frames_per_unit + 49


def test_speech_is_expected_to_last_as_long_as_its_phones(embedded: ChatTTSFamily) -> None:
    short = embedded.expected_length(embedded.model_text(piece("Good morning.")), None)
    long = embedded.expected_length(embedded.model_text(piece("Good morning, my dear and most patient friends.")), None)
    assert 20 < short.least < short.most < long.least < long.most < 250


def test_who_is_asked_to_hurry_may_be_short(embedded: ChatTTSFamily) -> None:
    usual, hurried, slow = (
        embedded.expected_length(embedded.model_text(piece(f"{tag}A somewhat longer sentence, with a pause.")), None)
        for tag in ("", "[speed_9]", "[speed_0]")
    )
    assert hurried.least == pytest.approx(usual.least / 1.1**4, abs=4)
    assert slow.least == pytest.approx(usual.least * 1.1**5, rel=0.1)
    assert hurried.most < usual.most < slow.most


def test_without_durations_phones_are_counted(embedded: ChatTTSFamily, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "model", replace(embedded.model, durations=None))
    usual, hurried, slow = (
        embedded.expected_length(embedded.model_text(piece(f"{tag}A somewhat longer sentence, with a pause.")), None)
        for tag in ("", "[speed_9]", "[speed_0]")
    )
    assert hurried.least == pytest.approx(usual.least / 1.1**4, abs=1)
    assert slow == usual
    assert hurried.most == usual.most


def test_both_ways_to_a_spectrogram_have_two_frames_a_code(published: ChatTTSFamily) -> None:
    script = published.model_text(piece("你好。"))
    voice = Voice("x", embedding=torch.ones(96).half().numpy())
    made = published.codes(script, published.prompt(script, voice), PLAIN, 1)
    for from_codes in (False, True):
        assert published.mel(made, from_codes=from_codes).shape == (1, 100, 2 * len(made.codes))
    assert len(published.wave(published.mel(made))) == (2 * len(made.codes) - 1) * 256


def test_what_the_decoder_was_not_trained_on_is_cut_off(embedded: ChatTTSFamily, published: ChatTTSFamily) -> None:
    """Below its floor a Decoder says anything, and the vocoder would make it heard."""
    voice = Voice("noise", embedding=torch.randn(256, generator=torch.Generator().manual_seed(0)).numpy())
    script = embedded.model_text(piece("Good morning."))
    made = embedded.codes(script, embedded.prompt(script, voice), PLAIN, 1)
    assert embedded.own.mel_floor == -7.0
    assert float(embedded.mel(made).min()) == -7.0
    assert published.own.mel_floor is None


def test_units_count_phones_syllables_and_marks() -> None:
    assert segment_units(piece("Hello, 你好。")) == 4 + 1 + 4 + 1


def test_a_table_of_homophones_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="homophones"):
        ChatTTSFamily(load_chattts(GOLDENS), tmp_path / "none.json")
