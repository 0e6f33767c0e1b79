"""Long text to pieces."""

import re
import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from vivace.errors import EmptyTextError, InputError
from vivace.text import normalize, phones, split
from vivace.text.stretch import units
from vivace.types import Segment

TEXTS = st.text(alphabet="abcdIoe 一不好的我天，。！？.,!?;:\n\"'“”()[]0123é…—", min_size=1, max_size=200)


def texts(pieces: list[Segment]) -> list[str]:
    return [p.text for p in pieces]


def length(piece: Segment) -> int:
    return sum(map(units, piece.words))


def test_sentences_of_both_scripts() -> None:
    pieces = split("今天是2026年。The weather is quite nice today! 真的吗？是的，没错。")
    assert texts(pieces) == ["今天是二零二六年。", "The weather is quite nice today!", "真的吗？是的，没错。"]
    assert [p.language for p in pieces] == ["zh", "en", "zh"]


@pytest.mark.parametrize(
    "written",
    [
        "Mr. Smith paid $12.50 at 3:30 p.m. in New York.",
        "See www.example.com or mail a.b@example.org now.",
        "J. K. Rowling wrote it for e.g. Dr. Brown.",
        "Pi is 3.14 and the version is v2.0.1 now.",
        "他说圆周率是3.14，网址是www.baidu.com。",
        "“Yes!” she said quietly.",
    ],
)
def test_points_that_end_no_sentence(written: str) -> None:
    assert len(split(written)) == 1


def test_a_long_sentence_is_cut_at_clause_marks_into_even_parts() -> None:
    pieces = split(
        "我们先去超市买了一些苹果和香蕉，然后坐公共汽车去看望住在城里的奶奶，最后一起回家吃了一顿晚饭。", budget=50
    )
    assert [p.break_after for p in pieces] == ["clause", "clause", "sentence"]
    assert all(p.text.endswith(("，", "。")) for p in pieces)


def test_syllables_may_count_for_more_than_phones_do() -> None:
    chinese = "我们先去超市买了一些苹果和香蕉，然后坐公共汽车去看望住在城里的奶奶。"
    english = "We went to the market to buy some fruit, and then we took the bus to see our grandmother."
    budget = sum(map(units, phones(chinese, "zh")))
    assert len(split(chinese, budget=budget)) == 1
    assert len(split(chinese, budget=budget, syllable=3)) == 2
    assert split(english, budget=budget, syllable=3) == split(english, budget=budget)
    for piece in split(chinese, budget=50, syllable=3):
        assert sum(units(word, 3) for word in piece.words) <= 50


def test_a_syllable_that_counts_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="give 1 or more"):
        split("你好", syllable=0)


def test_without_clause_marks_cuts_are_between_words() -> None:
    pieces = split("the quick brown fox jumps over the lazy dog " * 4, budget=60)
    assert {p.break_after for p in pieces[:-1]} == {"none"}
    assert " ".join(texts(pieces)) == ("the quick brown fox jumps over the lazy dog " * 4).strip()
    assert min(map(length, pieces)) > 30  # even parts, no crumbs


def test_lines_are_paragraphs() -> None:
    pieces = split("First line of the text\nSecond line of the text.\n\nThird line of the text")
    assert [p.break_after for p in pieces] == ["paragraph", "paragraph", "sentence"]


def test_a_very_short_sentence_joins_the_next_one() -> None:
    assert texts(split("Hi. How are you today?")) == ["Hi. How are you today?"]
    assert len(split("I am very glad to see you. How are you today?")) == 2


def test_pieces_know_their_written_span() -> None:
    written = "It cost $5. 价格是5元。"
    assert [written[p.start : p.end] for p in split(written)] == ["It cost $5.", "价格是5元。"]


def test_unknown_tags_are_left_out() -> None:
    only_laugh = frozenset({"[laugh]"})
    kinds = [w.text for p in split("你好[laugh]世界[uv_break]。", tags=only_laugh) for w in p.words if w.kind == "tag"]
    assert kinds == ["[laugh]"]


@pytest.mark.parametrize("written", ["", "   ", "😀😀", "...?!", "[laugh]", "\u200b", "（）"])
def test_nothing_to_speak_is_an_error_of_one_line(written: str) -> None:
    with pytest.raises(EmptyTextError, match=r"^nothing to speak in .*; give text with") as caught:
        split(written)
    assert "\n" not in str(caught.value)


def test_the_error_shortens_a_long_text() -> None:
    with pytest.raises(EmptyTextError) as caught:
        split("。" * 10_000)
    assert len(str(caught.value)) < 400


def test_a_budget_too_small_for_words_is_refused() -> None:
    with pytest.raises(InputError, match="at least 40"):
        split("hello", budget=10)


@settings(max_examples=80, deadline=None)
@given(TEXTS, st.sampled_from([40, 60, 120]))
def test_pieces_hold_all_words_in_order_under_the_budget(written: str, budget: int) -> None:
    words = phones(written)
    assume(any(w.kind in ("zh", "en") for w in words))
    pieces = split(written, budget=budget)
    assert tuple(w for p in pieces for w in p.words) == words
    assert all(length(p) <= budget for p in pieces)
    assert all(any(w.kind in ("zh", "en") for w in p.words) for p in pieces)
    spans = [(p.start, p.end) for p in pieces]
    assert spans == sorted(spans)
    assert all(0 <= a <= b <= len(written) for a, b in spans)
    squeezed = re.sub(r"\s", "", normalize(written))
    assert re.sub(r"\s", "", "".join(texts(pieces))) == squeezed


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=60))
def test_any_unicode_is_split_or_refused_as_empty(written: str) -> None:
    try:
        pieces = split(written)
    except EmptyTextError:
        return
    assert pieces


def test_twenty_kilobytes_take_well_under_a_second() -> None:
    written = "The quick brown fox jumps over lazy dogs. 今天天气很好，我们一起去公园玩吧。" * 160
    split(written[:100])  # load the tables
    started = time.process_time()
    assert len(split(written)) >= 300
    assert time.process_time() - started < 1.5  # 0.1 s on an idle core
