"""Readings that a user writes."""

import pytest

from vivace.errors import InputError
from vivace.text.en.lexicon import lexicon
from vivace.text.tables import PHONES
from vivace.text.user_reading import Reading
from vivace.text.zh.words import dictionary


@pytest.mark.parametrize(
    ("written", "kind", "phones"),
    [
        ("yin2 hang2", "zh", ("yin2", "hang2")),
        ("nü3 lu:4 Bei3 zhuang4 er5", "zh", ("nv3", "lv4", "bei3", "zhuang4", "er5")),
        ("V IH0 V AA1 CH EY0", "en", ("V", "IH0", "V", "AA1", "CH", "EY0")),
        (" AH0 ", "en", ("AH0",)),
    ],
)
def test_phones(written: str, kind: str, phones: tuple[str, ...]) -> None:
    assert Reading.parse(written) == Reading(kind, phones)  # type: ignore[arg-type]


@pytest.mark.parametrize("written", ["engine x", "善", "don't", "café au lait", "T V", "F B I", "see, plus plus"])
def test_other_words(written: str) -> None:
    assert Reading.parse(written) == Reading("respelling", respelling=written)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("", "no reading"),
        ("yin2 hang9", "'hang9' is no pinyin syllable"),
        ("yin2 hagn2", "'hagn2' is no pinyin syllable"),
        ("V IH V", "vowel IH has no stress; write IH0, IH1 or IH2"),
        ("V QQ1", "'QQ1' is no ARPAbet phone"),
        ("https://example.com", "not a reading"),
        ("3", "not a reading"),
        (" ".join(["AH0"] * 41), "at most 40"),
        (" ".join(["ma1"] * 21), "at most 20"),
    ],
)
def test_a_mistake_is_named(written: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Reading.parse(written)


def test_every_reading_of_the_dictionaries_can_be_written() -> None:
    from vivace.text.zh.pinyin import read

    assert {phone for entry in lexicon().values() for phone in entry.replace("|", " ").split()} <= PHONES
    for word in list(dictionary())[:3000]:
        syllables = tuple(s for _, reading in read(word) for s in reading)
        if syllables:
            assert Reading.parse(" ".join(syllables)).phones == syllables
