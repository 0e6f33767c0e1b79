"""Any string at all: an InputError at worst, no digit lost in silence, work in proportion to length."""

import random
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vivace.errors import InputError
from vivace.text import Segmenter, normalize, phones, split
from vivace.text.blocks import MAX_CHARS
from vivace.types import LanguageChoice

ANY = st.text(alphabet=st.characters(), max_size=120)  # lone surrogates too
JAPANESE = st.text(alphabet="、。！？ーっんァ々ゝ゛\u3099ﾊﾞｯ0123.,%:~一銀你嘢a[]\n", max_size=120)
BRACKETS = st.text(alphabet="[]()pause 0.5s1yin2銀AH\u202e\u05d0\u0664\ud83d\n", max_size=120)


def read_all(text: str, language: LanguageChoice = "auto") -> None:
    normalize(text, language)
    phones(text, language)
    with suppress(InputError):
        split(text, language)


@settings(max_examples=60, deadline=None)
@given(st.one_of(ANY, BRACKETS))
def test_nothing_but_an_input_error(text: str) -> None:
    read_all(text)
    segmenter = Segmenter()
    segmenter.push(text)
    segmenter.finish()


@pytest.mark.parametrize("language", ["yue", "auto_yue", "ja"])
@settings(max_examples=40, deadline=None)
@given(text=st.one_of(ANY, JAPANESE))
def test_nor_in_other_languages(language: LanguageChoice, text: str) -> None:
    read_all(text, language)
    segmenter = Segmenter(language)
    pieces = [piece for char in text for piece in segmenter.push(char)] + segmenter.finish()
    with suppress(InputError):
        assert split(text, language) == pieces


@pytest.mark.parametrize(
    "text",
    [
        "\ud800\udfff" * 100,
        "\ud83d 3 \ude00",
        "[" * 3_000,
        "[a](" * 1_000,
        "[" * 1_000 + "1" + "]" * 1_000,
        "\u202eשלום 12 مرحبا ٣\u202c",
        "a" + "\u0301" * 3_000,
        "[pause 1s]" * 300,
        "[pause 999999s]x",
        "\x00\x01\x7f 5",
        "[\ud800](yin2) [x](\ud800)",
    ],
    ids=ascii,
)
def test_strings_made_to_break_it(text: str) -> None:
    read_all(text)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="0123456789.,:/-+%$[]() \n年月中aX٣\u202e\ud800", max_size=80))
def test_a_digit_is_spoken(text: str) -> None:
    spoken = normalize(text)
    assert not re.search(r"[0-9]", spoken)
    if re.search(r"[0-9]", text):
        assert any(c.isalpha() for c in spoken)


def calls_of(work: Callable[[], object]) -> int:
    """Function calls, Python's and C's, that ``work`` makes: the same on a busy machine."""
    count = 0

    def counted(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("alphabet", [0x80, 0x10000, 0x110000])
def test_twice_the_random_text_is_twice_the_work(alphabet: int) -> None:
    draw = random.Random(7)
    text = "".join(chr(draw.randrange(alphabet)) for _ in range(12_000))
    split(text)  # load the tables
    short, long = (calls_of(lambda n=n: split(text[:n])) for n in (6_000, 12_000))  # type: ignore[misc]
    assert long < 2.4 * short


def test_no_library_sees_more_than_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the libraries that hold the interpreter lock are given: never two sentences, never more than their cap."""
    from wetext import Normalizer

    from vivace.text import wetext_fallback
    from vivace.text.zh import simplified

    seen: dict[str, list[str]] = {"wetext": [], "opencc": []}

    def watched(name: str, call: Callable[..., object]) -> Callable[..., object]:
        def called(text: str, *rest: object, **options: object) -> object:
            seen[name].append(text)
            return call(text, *rest, **options)

        return called

    class Wetext:
        normalize = staticmethod(watched("wetext", Normalizer(lang="zh", operator="tn").normalize))

    class OpenCC:
        convert = staticmethod(watched("opencc", simplified._simplifier().convert))

    monkeypatch.setattr(wetext_fallback, "_normalizer", lambda language: Wetext)
    monkeypatch.setattr(simplified, "_simplifier", lambda: OpenCC)
    rare = "".join(chr(c) for c in range(0x4E00, 0x4E00 + 1_200))  # nothing is in a cache yet, nothing has an end
    split(f"{rare}。他的書在這裏。我們走了！{'測試3_4_5和x{y}7' * 300}。第一句{{9}}。第二句{{8}}。")
    caps = {"wetext": wetext_fallback.MAX_CHARS, "opencc": simplified.SENTENCE}
    for name, cap in caps.items():
        assert seen[name], name
        assert max(map(len, seen[name])) <= cap, name
        assert not [given for given in seen[name] if re.search("[。！？!?\n].", given)], name


def test_a_long_run_is_cut_after_a_particle() -> None:
    from vivace.text.zh.simplified import PARTICLES, SENTENCE, parts

    run = "我們在圖書館裏看見的那些" * 60
    cut = list(parts(run))
    assert "".join(cut) == run
    assert all(len(part) <= SENTENCE for part in cut)
    assert all(part[-1] in PARTICLES for part in cut[:-1])


@pytest.mark.parametrize("unit", ["[", "[a](b) ", "1", "字", "a", "[pause 1s]a", "“", "a. ", "。"])
def test_no_pattern_sees_more_than_a_block(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Function calls do not show what happens inside a regular expression; the length of what it is given does."""
    from vivace.text import segmenter
    from vivace.text.normalize import read_block

    seen: list[int] = []

    def watched(block, *rest):  # type: ignore[no-untyped-def]
        seen.append(len(block.text))
        return read_block(block, *rest)

    monkeypatch.setattr(segmenter, "read_block", watched)
    machine = Segmenter()
    machine.push(unit * 3_000)
    machine.finish()
    assert sum(seen) == 3_000 * len(unit)
    assert max(seen) <= MAX_CHARS
