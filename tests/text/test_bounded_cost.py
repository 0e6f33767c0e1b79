"""What a text may cost, whatever it is: noise, codes, words that no dictionary has."""

import json
import os
import random
import string
import subprocess
import sys
import time

import pytest

from vivace.text import Segmenter, phones, split
from vivace.text.en.effort import FIRST, Effort
from vivace.text.en.g2p import unknown_letters, word_phones

LENGTH = 4096
SYLLABLES = "ba tor min kel us dro phi lan gre".split()  # noqa: SIM905


def _drawn(alphabet: str, length: int = LENGTH) -> str:
    return "".join(random.Random(1).choices(alphabet, k=length))


def _words(letters: int) -> str:
    noise = _drawn(string.ascii_lowercase)
    return " ".join(noise[i : i + letters] for i in range(0, LENGTH, letters + 1))


def _invented() -> str:
    drawn = random.Random(1)
    return " ".join("".join(drawn.choices(SYLLABLES, k=3)) for _ in range(LENGTH // 9))


NOISE = {
    "letters": _drawn(string.ascii_lowercase),
    "capitals": _drawn(string.ascii_uppercase),
    "base64": _drawn(string.ascii_letters + string.digits + "+/"),
    "hex": _drawn("0123456789abcdef"),
    "digits": _drawn(string.digits),
    "digits and points": _drawn("0123456789.,"),
    "marks": _drawn(".,!?;:-—()[]{}#*&^%$@"),
    "rare Han": _drawn("".join(map(chr, range(0x20000, 0x2A000)))),
    "any Han": _drawn("".join(map(chr, range(0x3400, 0x9FFF)))),
    "any print": _drawn(string.printable),
    "words of 39": _words(39),
    "words of 8": _words(8),
    "invented words": _invented(),
    "accents": _drawn("éàüñçß"),
    "apostrophes": _drawn("abcdefgh'-"),
    "markup": _drawn("<>/=\"'&;ab $\\{}_^0"),
}


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    split("Hello, blorptastic world of 3 kg. 你好，世界。行不行？")


def seconds_of_all() -> dict[str, float]:
    """Seconds of this thread that each kind of noise takes."""
    split("Hello, blorptastic world of 3 kg. 你好，世界。行不行？")  # load the tables
    taken = {}
    for name, text in NOISE.items():
        started = time.thread_time()
        split(text + " a")
        taken[name] = time.thread_time() - started
    return taken


@pytest.fixture(scope="module")
def seconds() -> dict[str, float]:
    """``seconds_of_all`` of a process with one thread: numpy's others would spin beside it while they wait for work."""
    code = f"import json, runpy; print(json.dumps(runpy.run_path({__file__!r})['seconds_of_all']()))"
    one = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL", "VECLIB_MAXIMUM")}
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **one}, capture_output=True, check=True)
    return {name: float(value) for name, value in json.loads(done.stdout.splitlines()[-1]).items()}


@pytest.mark.parametrize("name", NOISE)
def test_4096_characters_of_anything_take_a_second_at_most(name: str, seconds: dict[str, float]) -> None:
    # 0.05 to 0.5 s on one busy core of a Zen 4 (7 s and more before the budget).
    assert seconds[name] < 1.0


def test_pieces_of_unknown_words_are_the_same_in_any_fragmentation() -> None:
    text = f"Blorptastic fambulous. {_invented()[:1500]} {_drawn(string.ascii_lowercase, 200)}. Blorptastic end."
    whole = split(text)
    word_phones.cache_clear()
    drawn = random.Random(2)
    segmenter = Segmenter()
    pieces, position = [], 0
    while position < len(text):
        step = drawn.randint(1, 40)
        pieces += segmenter.push(text[position : position + step])
        position += step
    assert pieces + segmenter.finish() == whole


def test_a_word_that_comes_again_is_read_as_before() -> None:
    text = f"Blorptastic! {_invented()} blorptastic"
    first, *_, last = (word for word in phones(text) if word.kind == "en")
    assert first.phones == last.phones == word_phones("blorptastic")


def test_the_first_unknown_words_are_read_by_the_models_and_far_too_many_are_not() -> None:
    effort = Effort()
    assert unknown_letters("hello") == 0
    assert unknown_letters("blorptastic's") == len("blorptastic")
    assert not effort.quick("hello")
    assert not effort.quick("blorptastic")
    assert [effort.quick(f"blorp{syllable}{other}") for syllable in SYLLABLES for other in SYLLABLES][-1]
    assert not effort.quick("hello")
    effort.earn(100 * FIRST)
    assert not effort.quick("fambulous")


def test_a_quick_reading_is_a_word_where_it_looks_like_one_and_letters_where_not() -> None:
    assert 6 <= len(word_phones("wojciechowski", quick=True)) <= 13
    assert word_phones("zyxwvutq", quick=True)[:2] == ("Z", "IY1")
    assert word_phones("hello", quick=True) == word_phones("hello")


def test_long_compounds_are_cut_at_their_hyphens() -> None:
    said = [p for word in phones("a once-in-a-lifetime-opportunity-seller") for p in word.phones]
    parts = ["once", "in", "a", "lifetime", "opportunity", "seller"]
    assert len(said) >= sum(len(word_phones(part)) for part in parts)
