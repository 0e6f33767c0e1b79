from dataclasses import replace
from pathlib import Path

import pytest
import torch

from vivace.engine.sampler import SamplingParams
from vivace.errors import InputError
from vivace.models.registry import embedded_root
from vivace.pipeline.loading import load_chattts
from vivace.pipeline.stages import ChatTTSStages, Recording, piece_units
from vivace.pipeline.voices import Voice
from vivace.text import split
from vivace.types import Piece

GOLDENS = Path(__file__).parents[1] / "goldens" / "chattts" / "checkpoint"
PLAIN = SamplingParams()


@pytest.fixture(scope="module")
def embedded() -> ChatTTSStages:
    return ChatTTSStages(load_chattts(embedded_root()))


@pytest.fixture(scope="module")
def published() -> ChatTTSStages:
    return ChatTTSStages(load_chattts(GOLDENS))


def piece(text: str) -> Piece:
    (only,) = split(text)
    return only


def test_a_model_over_phones_reads_phones(embedded: ChatTTSStages) -> None:
    script = embedded.script(piece("Hello, 你好。"))
    assert script.text.split() == ["HH", "AH0", "L", "OW1", ",", "i_n", "f_i2", "i_h", "f_ao3", "."]
    assert script.manner == ""
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
def test_every_piece_ends_like_the_sentences_of_the_training(embedded: ChatTTSStages, text: str, end: str) -> None:
    assert embedded.script(piece(text)).text.endswith(end)


def test_a_model_over_characters_reads_characters(published: ChatTTSStages) -> None:
    script = published.script(piece("你好！Hello?"))
    assert script.text == "你好。Hello。"
    assert script.manner == "[speed_5]"


def test_pauses_and_laughs_stay_where_they_are_known(published: ChatTTSStages, embedded: ChatTTSStages) -> None:
    text = "你好[uv_break]世界[laugh]。"
    assert published.script(piece(text)).text == text
    tokens = embedded.script(piece(text)).text.split()
    assert "[laugh]" not in tokens
    assert tokens[4] == "[uv_break]"


def test_speed_tags_change_the_manner(published: ChatTTSStages) -> None:
    script = published.script(piece("[speed_2]你好。"))
    assert (script.text, script.manner) == ("你好。", "[speed_2]")


def test_text_cannot_move_the_speaker(published: ChatTTSStages) -> None:
    voice = Voice("x", embedding=torch.ones(96).half().numpy())
    clean = published.script(piece("你好。"))
    dirty = replace(clean, text="[spk_emb]你好。[Stts]")
    one, other = published.prompt(clean, voice), published.prompt(dirty, voice)
    assert torch.equal(one.embeddings, other.embeddings)


def test_a_recording_follows_the_text(published: ChatTTSStages) -> None:
    voice = Voice("x", embedding=torch.ones(96).half().numpy())
    script = published.script(piece("你好。"))
    codes = torch.randint(0, 625, (4, 30)).int().numpy()
    alone = published.prompt(script, voice)
    recorded = published.prompt(script, voice, Recording(codes, "世界。"))
    assert recorded.embeddings.shape[1] == alone.embeddings.shape[1] + 30 + 3


@pytest.mark.parametrize("text", ["Hi.", "你好，今天天气很好。", "A somewhat longer sentence, with a pause."])
def test_speech_is_neither_shorter_nor_endlessly_longer_than_its_phones(embedded: ChatTTSStages, text: str) -> None:
    script = embedded.script(piece(text))
    voice = Voice("noise", embedding=torch.randn(256, generator=torch.Generator().manual_seed(0)).numpy())
    wild = SamplingParams(temperature=5.0, top_p=1.0, top_k=626)
    made = embedded.codes(script, embedded.prompt(script, voice), wild, 1)
    assert script.units <= len(made.codes) <= script.units * embedded.habits.frames_per_unit + 49


def test_speech_is_expected_to_last_as_long_as_its_phones(embedded: ChatTTSStages) -> None:
    short = embedded.expectation(embedded.script(piece("Good morning.")), None)
    long = embedded.expectation(embedded.script(piece("Good morning, my dear and most patient friends.")), None)
    assert 20 < short.least < short.most < long.least < long.most < 250


def test_who_is_asked_to_hurry_may_be_short(embedded: ChatTTSStages) -> None:
    usual, hurried, slow = (
        embedded.expectation(embedded.script(piece(f"{tag}A somewhat longer sentence, with a pause.")), None)
        for tag in ("", "[speed_9]", "[speed_0]")
    )
    assert hurried.least == pytest.approx(usual.least / 1.1**4, abs=4)
    assert slow.least == pytest.approx(usual.least * 1.1**5, rel=0.1)
    assert hurried.most < usual.most < slow.most


def test_without_durations_phones_are_counted(embedded: ChatTTSStages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "model", replace(embedded.model, durations=None))
    usual, hurried, slow = (
        embedded.expectation(embedded.script(piece(f"{tag}A somewhat longer sentence, with a pause.")), None)
        for tag in ("", "[speed_9]", "[speed_0]")
    )
    assert hurried.least == pytest.approx(usual.least / 1.1**4, abs=1)
    assert slow == usual
    assert hurried.most == usual.most


def test_both_ways_to_a_spectrogram_have_two_frames_a_code(published: ChatTTSStages) -> None:
    script = published.script(piece("你好。"))
    voice = Voice("x", embedding=torch.ones(96).half().numpy())
    made = published.codes(script, published.prompt(script, voice), PLAIN, 1)
    for from_codes in (False, True):
        assert published.mel(made, from_codes=from_codes).shape == (1, 100, 2 * len(made.codes))
    assert len(published.wave(published.mel(made))) == (2 * len(made.codes) - 1) * 256


def test_what_the_decoder_was_not_trained_on_is_cut_off(embedded: ChatTTSStages, published: ChatTTSStages) -> None:
    """Below its floor a Decoder says anything, and the vocoder would make it heard."""
    voice = Voice("noise", embedding=torch.randn(256, generator=torch.Generator().manual_seed(0)).numpy())
    script = embedded.script(piece("Good morning."))
    made = embedded.codes(script, embedded.prompt(script, voice), PLAIN, 1)
    assert embedded.habits.mel_floor == -7.0
    assert float(embedded.mel(made).min()) == -7.0
    assert published.habits.mel_floor is None


def test_units_count_phones_syllables_and_marks() -> None:
    assert piece_units(piece("Hello, 你好。")) == 4 + 1 + 4 + 1


def test_a_table_of_homophones_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="homophones"):
        ChatTTSStages(load_chattts(GOLDENS), tmp_path / "none.json")
