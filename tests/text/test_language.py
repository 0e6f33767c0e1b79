"""Which language a stretch is read in."""

import pytest

from vivace.errors import UnsupportedLanguageError
from vivace.text import normalize
from vivace.text.language import language_spans, main_language
from vivace.types import LanguageChoice

TEXTS: list[tuple[str, LanguageChoice, list[tuple[str, str]]]] = [
    ("Only 3 words.", "auto", [("Only 3 words.", "en")]),
    ("12345", "auto", [("12345", "en")]),
    ("只有3个", "auto", [("只有3个", "zh")]),
    ("Hello there. 今天3点。", "auto", [("Hello there.", "en"), (" 今天3点。", "zh")]),
    ("我用 iPhone 15 打电话", "auto", [("我用 iPhone 15 打电话", "zh")]),
    (
        "他说 I have 3 red apples 然后走了",
        "auto",
        [("他说 ", "zh"), ("I have 3 red apples", "en"), (" 然后走了", "zh")],
    ),
    ("第一。\n12", "auto", [("第一。\n12", "zh")]),
    ("今天3点。", "en", [("今天3点。", "en")]),
    ("", "auto", []),
]


@pytest.mark.parametrize(("text", "choice", "want"), TEXTS)
def test_spans(text: str, choice: LanguageChoice, want: list[tuple[str, str]]) -> None:
    spans = language_spans(text, choice)
    assert [(text[s.start : s.end], s.language) for s in spans] == want


@pytest.mark.parametrize(
    ("text", "want"), [("hello 世界", "zh"), ("hello big 世", "en"), ("", "en"), ("123", "en"), ("世", "zh")]
)
def test_main_language(text: str, want: str) -> None:
    assert main_language(text) == want
    assert main_language(text, "zh") == "zh"


def test_another_language_is_refused() -> None:
    with pytest.raises(UnsupportedLanguageError, match=r"^no language 'fr'; choose zh, en, auto, yue, auto_yue, ja$"):
        normalize("bonjour", "fr")  # type: ignore[arg-type]
