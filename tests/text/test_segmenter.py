"""Text in fragments gives the pieces it gives all at once."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vivace.errors import EmptyTextError, InputError
from vivace.text import Segmenter, normalize, phones, split
from vivace.text.blocks import MAX_CHARS, blocks
from vivace.types import Segment

PARTS = st.sampled_from(
    [
        *"abcI 一不好的我天，。！？；.,!?;:\n\"'“”‘’()（）[]【】0123é…—/-😀\u200b\ud800",
        *("Dr. ", "p.m. ", "J. K. ", "e.g. ", "3.14", "1,200", "v2.0.1", "https://a.com/b?c=1. ", "... ", "……", "No. "),
        *("Hello there. ", "It is late. ", "Then ", "今天天气很好。", "他说：“走吧。”", "\n- ", "\n\n", "1. ", "2) "),
        *("[laugh]", "[pause 0.5s]", "[银行](yin2 hang2)", "[Vivace](V IH0)", "[Nginx](engine x)", "[bad](yin9)", "?!"),
    ]
)
TEXTS = st.lists(PARTS, max_size=40).map("".join)


def at_once(text: str, budget: int) -> list[Segment]:
    try:
        return split(text, budget=budget)
    except EmptyTextError:
        return []


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.lists(st.integers(0, 400), max_size=12), st.sampled_from([40, 120]))
def test_any_fragments_give_the_same_pieces(text: str, cuts: list[int], budget: int) -> None:
    segmenter = Segmenter(budget=budget)
    borders = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [piece for a, b in pairwise(borders) for piece in segmenter.push(text[a:b])]
    assert pieces + segmenter.finish() == at_once(text, budget)


@settings(max_examples=50, deadline=None)
@given(TEXTS)
def test_character_by_character(text: str) -> None:
    segmenter = Segmenter()
    pieces = [piece for char in text for piece in segmenter.push(char)]
    assert pieces + segmenter.finish() == at_once(text, 120)


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_pieces_hold_every_word_in_written_order(text: str) -> None:
    words = [w for p in at_once(text, 60) for w in p.words]
    heard = [w for w in phones(text) if not w.text.startswith("[pause")]
    assert [w for w in heard if w.kind in ("zh", "en")] == [w for w in words if w.kind in ("zh", "en")]
    starts = [w.start for w in words]
    assert starts == sorted(starts)


@settings(max_examples=100, deadline=None)
@given(st.one_of(TEXTS, st.text(max_size=80)))
def test_blocks_joined_are_the_text(text: str) -> None:
    found = list(blocks(text))
    assert "".join(block.text for block in found) == text
    assert all(text.startswith(block.text, block.start) for block in found)
    assert all(len(block.text) <= MAX_CHARS for block in found)


@pytest.mark.parametrize(
    "text",
    [
        "word " * 900,
        "字" * 2_500,
        "a" * 2_500,
        "1" * 2_500,
        "a, " * 900,
        "。" * 2_500,
        " " * 2_500 + "end",
        "[" * 2_500,
    ],
)
def test_a_text_without_ends_is_not_held_for_ever(text: str) -> None:
    found = list(blocks(text))
    assert max(len(block.text) for block in found) <= MAX_CHARS
    segmenter = Segmenter()
    pieces = [piece for i in range(0, len(text), 7) for piece in segmenter.push(text[i : i + 7])]
    assert pieces + segmenter.finish() == at_once(text, 120)


def test_pieces_come_as_soon_as_they_are_certain() -> None:
    segmenter = Segmenter()
    assert segmenter.push("The first sentence is here. ") == []
    assert [p.text for p in segmenter.push("And the second one comes")] == ["The first sentence is here."]
    assert [p.text for p in segmenter.push(" now, quite late.")] == []
    assert [p.text for p in segmenter.push(" 然")] == ["And the second one comes now, quite late."]
    assert [p.text for p in segmenter.push("后是第三句。")] == []
    assert [p.text for p in segmenter.finish()] == ["然后是第三句。"]


def test_a_block_without_letters_is_read_in_the_language_before_it() -> None:
    assert normalize("今天很好。\n12") == "今天很好。\n十二"
    assert normalize("12。今天很好。") == "十二。今天很好。"
    assert normalize("It is late.\n12") == "It is late.\ntwelve"


def test_nothing_to_speak_is_no_piece() -> None:
    segmenter = Segmenter()
    assert segmenter.push("...") + segmenter.finish() == []


def test_the_end_is_the_end() -> None:
    segmenter = Segmenter()
    segmenter.finish()
    with pytest.raises(InputError, match="make another Segmenter"):
        segmenter.push("more")


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("He said “It is over.” Then he left the room.", ["He said “It is over.”", "Then he left the room."]),
        ("Is it true (he asked)? Yes, it is quite true.", 2),
        ("It is 3.5 km from St. Louis at 5 p.m. today.", 1),
        ("See https://example.com/a.b?c=d. It is a good page.", 2),
        ("Wait... what is it? I do not know yet.", 2),
        ("他说：“今天天气很好。”然后走出了房间。", 2),
        ("这是真的吗？！是真的；我看见了。", 2),
        ("买东西：\n1. 苹果和香蕉\n2. 牛奶和面包", 3),
        ("To do:\n- buy apples and bread\n- write a long letter", 3),
        ("I have a Ph.D. from the U.S. and I live in the U.K. now.", 1),
    ],
)
def test_ends_of_sentences(text: str, pieces: list[str] | int) -> None:
    found = [p.text for p in split(text)]
    assert len(found) == (pieces if isinstance(pieces, int) else len(pieces)), found
