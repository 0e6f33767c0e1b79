"""Edits that keep track of the written text."""

import pytest

from vivace.text.aligned import Aligned, Edit


def test_new_characters_carry_the_span_of_their_edit_through_two_passes() -> None:
    written = Aligned.of("a 21 b")
    once = written.replace([Edit(2, 4, "twenty one")])
    twice = once.replace([Edit(0, 1, "A"), Edit(2, 8, "20")])
    assert once.text == "a twenty one b"
    assert once.span(2, 12) == (2, 4)
    assert twice.text == "A 20 one b"
    assert twice.span(2, 4) == (2, 4)
    assert twice.span(9, 10) == (5, 6)


def test_an_empty_span_sits_before_the_next_character() -> None:
    text = Aligned.of("ab")
    assert text.span(1, 1) == (1, 1)
    assert text.span(2, 2) == (2, 2)
    assert Aligned.of("").span(0, 0) == (0, 0)


def test_deleting_leaves_the_others_where_they_were() -> None:
    cut = Aligned.of("a-b").replace([Edit(1, 2, "")])
    assert (cut.text, list(cut.starts), list(cut.ends)) == ("ab", [0, 2], [1, 3])


def test_no_edits_give_the_same_text() -> None:
    text = Aligned.of("same")
    assert text.replace([]) is text


def test_overlapping_edits_are_refused() -> None:
    with pytest.raises(ValueError, match="edit at 1 starts before 2"):
        Aligned.of("abc").replace([Edit(0, 2, "x"), Edit(1, 3, "y")])
