"""Every letter and digit of a text has an entry in its explanation; long real texts, whole and in fragments."""

import gettext
import random
import time
from collections.abc import Iterator
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vivace.text import DocumentOptions, Segmenter, explain, normalize, phones, split
from vivace.text.en.effort import Effort
from vivace.text.en.g2p import unknown_letters
from vivace.text.explain import UNEXPLAINED, Explanation
from vivace.types import TextFormat

ROOT = Path(__file__).parents[2]
MEGABYTES_5 = 5_000_000
SLICE = 120_000  # bytes of every day
PART = 4_000  # characters that are read at a time


def lost(text: str, explanation: Explanation) -> list[str]:
    """Letters and digits without an entry."""
    covered = bytearray(len(text))
    for span in explanation.spans:
        assert span.written == text[span.start : span.end]
        if span.rules != (UNEXPLAINED,):
            covered[span.start : span.end] = b"\x01" * (span.end - span.start)
    return [text[max(0, i - 15) : i + 15] for i, c in enumerate(text) if c.isalnum() and not covered[i]]


def test_spans_tell_rule_words_and_phones() -> None:
    found = explain("It costs $5.")
    assert found.spoken == normalize("It costs $5.")
    assert [(s.written, s.rules, s.spoken, s.left_out) for s in found.spans] == [
        ("It", (), "It", None),
        ("costs", (), "costs", None),
        ("$5", ("money.before",), "five dollars", None),
        (".", (), "", "a mark"),
    ]
    assert found.spans[2].words[0].phones == ("F", "AY1", "V")
    assert [w for span in found.spans for w in span.words] == list(phones("It costs $5."))


@pytest.mark.parametrize(
    ("text", "written", "reason"),
    [
        ("Hi 🎉 there", "🎉", "no sound belongs to this character"),
        ("Hello мир", "мир", "of a script that is not read"),
        ("See [a](https://example.com/b).", "](https://example.com/b)", "the address of a link"),
        ("Run:\n```\nx1\n```\n", "x1", "a code block"),
        ("<p>a<script>b1</script></p>", "<script>b1</script>", "a script of the page"),
        (
            "1\n00:00:01,000 --> 00:00:02,000\nHi",
            "00:00:01,000 --> 00:00:02,000",
            "a time code or setting of subtitles",
        ),
        ("(^_^) hi", "(^_^)", "a face drawn of signs"),
        ("\x1b[31mred", "\x1b[31m", "a code for terminals"),
        ("water [ˈwɔːtə]", "[ˈwɔːtə]", "silent by its rule"),
        ("**bold**", "**", "markup"),
    ],
)
def test_reasons(text: str, written: str, reason: str) -> None:
    spans = [span for span in explain(text).spans if written in span.written]
    assert [span.left_out for span in spans] == [reason] * len(spans)
    assert spans


def test_readings_of_the_caller_and_normalizers_are_named() -> None:
    found = explain("Restart Nginx at 3.", lexicon={"Nginx": "engine x"}, normalizers={"en": str.strip})
    assert next(span.rules for span in found.spans if span.written == "Nginx") == ("reading.own",)
    assert next(
        s.rules for s in explain("a 5k run", normalizers={"en": lambda t: t.replace("5k", "five k")}).spans
    ) == ("normalizer",)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80), st.sampled_from(["auto", "plain", "markdown", "html", "subtitles"]))
def test_nothing_of_any_text_is_lost(text: str, format: TextFormat) -> None:
    assert lost(text, explain(text, format=format)) == []


def _fortunes() -> Iterator[str]:
    for path in sorted(Path("/usr/share/games/fortunes").glob("*")):
        if not path.suffix:
            yield path.read_text(encoding="utf-8", errors="replace")


def _wheels() -> Iterator[str]:
    """The descriptions that wheels carry, README files for the most part: Markdown, reStructuredText, Chinese too."""
    for distribution in sorted(distributions(), key=lambda d: d.metadata["Name"]):
        yield distribution.read_text("METADATA") or ""


def _translations() -> Iterator[str]:
    """Messages of Debian packages in Chinese, of both scripts."""
    for language in ("zh_CN", "zh_TW"):
        for path in sorted(Path("/usr/share/locale").glob(f"{language}/LC_MESSAGES/*.mo")):
            with path.open("rb") as file:
                messages = gettext.GNUTranslations(file)._catalog.values()  # type: ignore[attr-defined]
            yield "\n\n".join(message for message in messages if message)


def _debian() -> Iterator[str]:
    """README files of Debian packages."""
    for path in sorted(Path("/usr/share/doc").glob("*/README*")):
        if path.is_file() and path.suffix != ".gz":
            yield path.read_text(encoding="utf-8", errors="replace")


def _python() -> Iterator[str]:
    from pydoc_data import topics

    yield from topics.topics.values()


def _own() -> Iterator[str]:
    for path in sorted((ROOT / "docs").rglob("*.md")):
        yield path.read_text(encoding="utf-8")


def _cases() -> Iterator[str]:
    for path in sorted(Path(__file__).parent.rglob("*.tsv")):
        yield path.read_text(encoding="utf-8")


# Found on any machine that .ci/run has set up; a source that a machine lacks gives less. In turns, for variety.
SOURCES = (_translations, _wheels, _fortunes, _python, _debian, _own, _cases)


@cache
def real_text(size: int) -> tuple[str, ...]:
    """Parts of real texts, ``size`` bytes together or all that there is, drawn evenly from every source."""
    drawn = random.Random(20)
    parts = []
    for source in SOURCES:
        of_source = [t[i : i + PART] for t in source() for i in range(0, len(t), PART) if t[i : i + PART].strip()]
        drawn.shuffle(of_source)
        parts.append(of_source)
    chosen: list[str] = []
    for turn in range(max(map(len, parts))):
        for of_source in parts:
            if turn < len(of_source) and size > 0:
                chosen.append(of_source[turn])
                size -= len(of_source[turn].encode())
    return tuple(chosen)


def check(parts: tuple[str, ...]) -> None:
    """No crash, nothing lost, linear cost, the same pieces in any fragmentation."""
    drawn = random.Random(3)
    slow = []
    for part in parts:
        started = time.thread_time()
        explanation = explain(part)
        if time.thread_time() - started > 3.0:
            slow.append((time.thread_time() - started, part[:80]))
        assert lost(part, explanation) == []
    assert not slow, slow
    for part in drawn.sample(parts, min(len(parts), 4 + len(parts) // 25)):
        segmenter, pieces, position = Segmenter(), [], 0
        while position < len(part):
            step = drawn.choice([1, 3, 20, 200])
            pieces += segmenter.push(part[position : position + step])
            position += step
        pieces += segmenter.finish()
        assert pieces == (split(part) if pieces else [])


def test_nothing_of_real_text_is_lost() -> None:
    parts = real_text(SLICE)
    assert sum(len(part.encode()) for part in parts) >= SLICE * 0.9
    check(parts)


@pytest.mark.slow
def test_nothing_of_five_megabytes_of_real_text_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    # Unknown words by the quick search alone: the models of the slice of every day would take five minutes more.
    monkeypatch.setattr(Effort, "quick", lambda _, word: unknown_letters(word) > 0)
    check(real_text(MEGABYTES_5))


def test_the_cost_of_explaining_is_linear() -> None:
    text = "".join(real_text(SLICE))[:32_000]
    explain(text)

    def seconds(size: int) -> float:
        started = time.thread_time()
        explain(text[:size], format=DocumentOptions("markdown"))
        return time.thread_time() - started

    assert seconds(32_000) < 8 * 3 * seconds(4_000) + 0.2
