"""Written to spoken: case files, spans, and what any string at all must keep."""

import logging
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vivace.text import normalize
from vivace.text.normalize import spoken
from vivace.types import LanguageChoice

CASES = sorted(p for p in (Path(__file__).parent / "cases").glob("*.tsv") if p.stem != "zh_polyphones")
LANGUAGES: list[LanguageChoice] = ["auto", "zh", "en"]
# Rich in what the rules look for, so that they meet one another.
SOUP = st.text(
    alphabet="0123456789.,:/-+%$€￥°℃²()[]'\"#@&~=年月日点分元个第两中文不一，。：（）…—～IVXabckmGs \n😀é\u200b",
    max_size=60,
)


@pytest.mark.parametrize("path", CASES, ids=lambda path: str(path.stem))
def test_cases(path: Path) -> None:
    """``⏎`` stands for a line break in the files, ``␛`` for the escape character."""
    text = path.read_text(encoding="utf-8").replace("␛", "\x1b")
    lines = [line.replace("⏎", "\n") for line in text.split("\n") if line and not line.startswith("# ")]
    rows = [line.split("\t") for line in lines]
    assert rows
    language: LanguageChoice = "zh" if path.stem == "zh_alone" else "auto"
    wrong = [(written, want, got) for written, want in rows if (got := normalize(written, language)) != want]
    assert wrong == []


def test_there_are_cases_for_both_languages_and_for_mixed_text() -> None:
    assert {path.stem.partition("_")[0] for path in CASES} == {"zh", "en", "mixed"}
    assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in CASES) >= 150


@pytest.mark.parametrize("written", ["", " \n", "😀🎉", "...!", "\u200b\ufeff", "（）"])
def test_nothing_speakable_gives_nothing_to_say(written: str) -> None:
    assert not any(c.isalnum() for c in normalize(written))


def test_a_choice_of_language_reads_numbers_in_it() -> None:
    assert normalize("12", "zh") == "十二"
    assert normalize("12", "en") == "twelve"
    assert normalize("我有 3 个", "en") == "我有 three 个"


def test_tags_pass_untouched_and_other_brackets_are_pauses() -> None:
    assert normalize("[laugh]3[oral_2]") == "[laugh]three[oral_2]"
    assert normalize("好[uv_break]的[speed_5]") == "好[uv_break]的[speed_5]"
    assert normalize("a [laugh_3] b") == "a, laugh three, b"
    assert normalize("a [b") == "a, b"


def test_every_spoken_character_knows_the_written_text_behind_it() -> None:
    written = "Please pay me $12.50 now. 今天21.5度。"
    read = spoken(written)
    start = read.text.index("twelve")
    end = read.text.index("cents") + len("cents")
    assert written[slice(*read.span(start, end))] == "$12.50"
    start = read.text.index("二十一点五")
    assert written[slice(*read.span(start, start + 5))] == "21.5"
    assert written[slice(*read.span(*re.search("今天", read.text).span()))] == "今天"  # type: ignore[union-attr]


def test_what_no_rule_reads_is_read_digit_by_digit_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    from vivace.text.aligned import Aligned
    from vivace.text.cleanup import finish

    with caplog.at_level(logging.WARNING):
        assert finish(Aligned.of("abc 42 中7")).text == "abc four two 中七"
    assert "digit" in caplog.text


def test_letters_without_a_reading_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert normalize("hello мир") == "hello"
    assert "3 characters that have no reading" in caplog.text


def test_emoji_are_dropped_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert normalize("hi 👩‍👩‍👧 there") == "hi there"
    assert "dropped" in caplog.text


@settings(max_examples=80, deadline=None)
@given(st.one_of(SOUP, st.text(max_size=40)), st.sampled_from(LANGUAGES))
def test_any_text_is_read_without_digits_and_with_spans_in_order(written: str, language: LanguageChoice) -> None:
    read = spoken(written, language)
    assert not re.search("[0-9]", re.sub(r"\[[a-z_]+[0-9]?\]", "", read.text))
    assert len(read.text) == len(read.starts) == len(read.ends)
    assert all(0 <= a <= b <= len(written) for a, b in zip(read.starts, read.ends, strict=True))
    assert list(read.starts) == sorted(read.starts)
    if re.search(r"[0-9A-Za-z\u4e00-\u9fff]", written):
        assert read.text


@pytest.mark.parametrize(
    "unit", ["1", "1,", "1-", "1.", "a@", "www.", "[", "$1 ", "-", " ", "中", "1年", "A1 ", "e\u0301"]
)
def test_time_is_linear_in_length(unit: str) -> None:
    normalize(unit * 50)  # load the tables
    started = time.process_time()
    normalize(unit * 1_000)
    short = time.process_time() - started
    started = time.process_time()
    normalize(unit * 8_000)
    long = time.process_time() - started
    assert long < 8 * 3.5 * short + 0.1  # quadratic would be 64 times


def test_a_rule_finds_nothing_in_a_text_without_its_literals() -> None:
    from dataclasses import replace

    from vivace.text.normalize import WORD_TRIGGER
    from vivace.text.rule import find_edits
    from vivace.text.zh.rules import number_rules, word_rules

    rules = number_rules()
    assert any(rule.needs for rule in rules)
    everywhere = [replace(rule, needs=()) for rule in rules]
    anywhere = [replace(rule, needs=()) for rule in word_rules()]
    for path in CASES:
        if path.stem.startswith("zh"):
            for line in path.read_text(encoding="utf-8").splitlines():
                written = line.split("\t")[0]
                span = [(0, len(written))]
                assert find_edits(written, rules, span) == find_edits(written, everywhere, span)
                by_word = find_edits(written, anywhere, span)
                assert find_edits(written, word_rules(), span) == by_word
                assert WORD_TRIGGER.search(written) or not by_word


def test_no_chinese_rule_has_a_repeat_without_a_bound() -> None:
    from re import _constants, _parser  # type: ignore[attr-defined]

    from vivace.text.zh.rules import last_rules, number_rules, word_rules

    def unbounded(parsed: object) -> bool:
        if isinstance(parsed, tuple) and len(parsed) == 3 and parsed[1] is _constants.MAXREPEAT:
            return True
        return isinstance(parsed, (tuple, list, _parser.SubPattern)) and any(map(unbounded, parsed))

    assert unbounded(_parser.parse("(?:a|b[0-9]+)"))
    rules = (*number_rules(), *word_rules(), *last_rules())
    assert [rule.name for rule in rules if unbounded(_parser.parse(rule.compiled.pattern))] == []
