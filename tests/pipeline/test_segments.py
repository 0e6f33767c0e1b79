"""Text to segments, and what the caller decides about it: pauses, a lexicon, a normalizer."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vivace import TTS, TTSConfig
from vivace.engine.sampler_state import SamplingParams
from vivace.errors import InputError, UnsupportedLanguageError
from vivace.models.gpt_sovits.text_split import SplitMethod
from vivace.models.registry import FAMILIES
from vivace.pipeline.options import Request, SpeakOptions, make_request
from vivace.pipeline.segment_audio import pause_after
from vivace.pipeline.segments import LONGEST_UNITS, read_segments, require_closed_tags
from vivace.settings import InferenceConfig
from vivace.text import Lexicon, split
from vivace.text.stretch import units
from vivace.types import Segment
from vivace.voices.voice import Voice

ANNA = Voice("anna", embedding=np.ones(4, np.float16))
TEXT = "你好，我是小明。今天3度，真冷！你呢？我很好。再见。"


def asked(**options: object) -> Request:
    given = SpeakOptions(**options)  # type: ignore[typeddict-item]
    return make_request(given, InferenceConfig(), ANNA, Lexicon(), SamplingParams(), FAMILIES[1])


def read(text: str, **options: object) -> list[Segment]:
    return read_segments(text, asked(**options), budget=80, syllable=2, normalizers=None)


@pytest.mark.parametrize(
    ("method", "pieces"),
    [
        ("cut0", 1),
        ("cut1", 1),
        ("cut2", 1),
        ("cut3", 2),  # 再见 is too short to stand alone: it joins what is before it
        ("cut4", 1),
        ("cut5", 4),
    ],
)
def test_the_ways_to_cut(method: SplitMethod, pieces: int) -> None:
    made = read(TEXT, split_method=method)
    assert len(made) == pieces
    whole = [word.phones for piece in read(TEXT) for word in piece.words if word.kind == "zh"]
    assert [word.phones for piece in made for word in piece.words if word.kind == "zh"] == whole


def test_without_a_way_it_is_cut_at_sentence_ends() -> None:
    assert len(read(TEXT)) > 1
    assert [piece.text for piece in read(TEXT)] == [piece.text for piece in split(TEXT, budget=80)]


def test_what_is_not_to_be_cut_is_cut_before_a_model_stops() -> None:
    made = read("今天的天气真不错，我们出去走一走吧。" * 40, split_method="cut0")
    lengths = [2 * sum(len(word.phones) for word in piece.words if word.kind == "zh") for piece in made]
    assert len(made) > 1
    assert max(lengths) <= LONGEST_UNITS


def test_documents_are_read_in_the_format_of_the_request() -> None:
    document = "## Notes\n\nTake **3** eggs."
    assert [piece.text for piece in read(document)] == ["Notes", "Take three eggs."]
    assert read(document, text_format="plain")[0].text == "hash hash Notes"
    assert [piece.text for piece in read("<p>one</p><p>two</p>", text_format="html")] == ["one", "two"]
    with pytest.raises(InputError, match="no text format 'word'; choose auto, plain"):
        read(document, text_format="word")


def test_markup_is_read_before_the_text_is_cut_as_gpt_sovits_does() -> None:
    (piece,) = read("看**第3**页，[说明](https://example.cn/a)。", split_method="cut0")
    assert piece.text == "看第三页，说明。"


def test_the_pause_after_each_piece() -> None:
    made = read("One, two. [pause 1s] Three.", split_method="cut5", pause_s=0.2)
    assert [(piece.pause_s, piece.lead_s) for piece in made] == [(0.2, 0.0), (0.2, 1.0)]
    assert {piece.pause_s for piece in read("One. Two.", pause_s=0.0)} == {0.0}
    with pytest.raises(InputError, match="pause_s is 11"):
        asked(pause_s=11)


def test_english_and_chinese_in_one_piece() -> None:
    (piece,) = read("Hello there. 今天天气很好。Fine.", split_method="cut0")
    assert piece.languages == {"zh", "en"}
    assert piece.text.startswith("Hello there.")
    assert replace(piece).language == "zh"


@pytest.mark.parametrize(
    "text", ["今日は天気がいいですね。", "こんにちは", "안녕하세요, 여러분.", "ラーメンをください one"]
)
def test_a_language_that_is_not_read_is_an_error_not_half_a_sentence(text: str) -> None:
    with pytest.raises(UnsupportedLanguageError, match="is Japanese or Korean: ask for Japanese with language 'ja'"):
        read(text)


def test_japanese_is_read_where_it_is_asked_for_and_korean_is_not() -> None:
    (piece,) = read("今日は天気がいいですね。", language="ja")
    assert piece.languages == {"ja"}
    with pytest.raises(UnsupportedLanguageError, match="Korean is not read here"):
        read("안녕하세요, 여러분.", language="ja")


def test_a_few_foreign_letters_in_a_chinese_text_are_left_out() -> None:
    (piece,) = read("我在优の良品买了一些好吃的东西。")
    assert "买了一些" in piece.text


def test_the_embedded_voice_has_shorter_pieces_of_mandarin() -> None:
    chinese = "小时候家里没有电视，到了夏天的晚上，邻居们都搬着椅子到院子里乘凉。"
    with TTS() as tts:
        core = tts._core
        pieces = core.segments(chinese, core.request({"voice": "marcel"}))
        budget = tts.family.defaults.max_segment_units
    assert len(read_segments(chinese, asked(), budget=budget, syllable=2, normalizers=None)) == 1
    assert len(pieces) == 2
    assert all(sum(units(word, 3) for word in piece.words) <= budget for piece in pieces)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Hello [laugh", r"'\[laugh' at character 7"),
        ("你好[uv_break世界[laugh]。", None),  # "uv_break世界" is no tag
        ("你好[uv_break 世界[laugh]。", r"'\[uv_break' at character 3"),
        ("[speed_5 faster", r"\[speed_5\]"),
    ],
)
def test_a_tag_left_open_is_named(text: str, named: str | None) -> None:
    if named is None:
        require_closed_tags(text)
        return
    with pytest.raises(InputError, match=named):
        require_closed_tags(text)


@pytest.mark.parametrize("text", ["Hello [world", "a[0] = b[1", "[laugh] ok", "[laugh out loud] ok", "[[[[", "]["])
def test_other_brackets_are_text(text: str) -> None:
    require_closed_tags(text)


def test_many_open_brackets_take_no_time() -> None:
    require_closed_tags("[a" * 10_000)


TWO = "Good morning, my dear old friend. Good night, my dear old friend."


@pytest.fixture(scope="module")
def tts() -> Iterator[TTS]:
    with TTS() as opened:
        yield opened


def test_a_pause_is_silence_of_that_length(tts: TTS) -> None:
    plain = tts.synthesize(TWO, seed=1)
    paused = tts.synthesize(TWO.replace(". Good", ".[pause 1.3s] Good"), seed=1)
    assert paused.duration == pytest.approx(plain.duration + 1.3 - 0.3, abs=1e-3)
    runs = np.split(paused.samples, np.flatnonzero(np.diff(paused.samples == 0)) + 1)
    assert max(len(run) for run in runs if not run.any()) / paused.sample_rate == pytest.approx(1.3, abs=0.01)


def test_pauses_at_both_ends(tts: TTS) -> None:
    plain = tts.synthesize("Good morning.", seed=2).samples
    paused = tts.synthesize("[pause 250ms]Good morning.[pause 0.5s]", seed=2, speed=1.0).samples
    assert np.array_equal(paused, np.concatenate([np.zeros(6_000), plain, np.zeros(12_000)]).astype(np.float32))


def test_a_pause_keeps_its_length_at_any_speed() -> None:
    piece = Segment("x", "en", (), pause_s=0.5)
    assert [pause_after(piece, speed=speed, last=last) for speed, last in ((2.0, False), (0.5, True))] == [0.5, 0.5]
    assert pause_after(Segment("x", "en", ()), speed=2.0, last=False) == pytest.approx(0.15)
    assert pause_after(Segment("x", "en", ()), speed=1.0, last=True) == 0.0


def test_the_lexicon_of_the_configuration_and_that_of_a_request(tmp_path: Path) -> None:
    file = tmp_path / "readings.tsv"
    file.write_text("nginx\tengine x\n", encoding="utf-8")
    with TTS(config=TTSConfig.load(text={"lexicon": file})) as tts:
        heard = [
            next(tts.stream(text, seed=1, lexicon=lexicon)).text
            for text, lexicon in (("nginx", None), ("nginx", {"nginx": "an engine"}))
        ]
        assert heard == ["engine x", "an engine"]
        with pytest.raises(InputError, match="the lexicon entry 'a'"):
            tts.synthesize("a", lexicon={"a": "yin9"})


def test_a_lexicon_that_is_not_there() -> None:
    with pytest.raises(InputError, match="cannot read the lexicon"):
        TTS(config=TTSConfig.load(text={"lexicon": Path("nowhere.tsv")}))


def test_a_normalizer_of_the_caller() -> None:
    with TTS(normalizers={"en": lambda sentence: sentence.replace("BRB", "be right back")}) as tts:
        assert {chunk.text for chunk in tts.stream("BRB, ok?", seed=1)} == {"be right back, ok?"}
