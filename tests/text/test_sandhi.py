"""Surface tones of words given with their citation tones."""

from pathlib import Path

import pytest

from vivace.text import phones
from vivace.text.zh.sandhi import sandhi

CASES = [
    ("你好=ni3 hao3", "ni2 hao3"),
    ("展览馆=zhan3 lan3 guan3", "zhan2 lan2 guan3"),
    ("小老虎=xiao3 lao3 hu3", "xiao3 lao2 hu3"),
    ("我=wo3 也=ye3 想=xiang3 买=mai3", "wo2 ye3 xiang2 mai3"),
    ("可以=ke3 yi3 买=mai3", "ke2 yi2 mai3"),
    ("我们=wo3 men5 买=mai3", "wo3 men5 mai3"),
    ("不=bu4 是=shi4", "bu2 shi4"),
    ("不=bu4 好=hao3", "bu4 hao3"),
    ("去不去=qu4 bu4 qu4", "qu4 bu5 qu4"),
    ("不=bu4 一样=yi1 yang4", "bu4 yi2 yang4"),
    ("一个=yi1 ge4", "yi2 ge4"),
    ("一起=yi1 qi3", "yi4 qi3"),
    ("一天=yi1 tian1", "yi4 tian1"),
    ("看一看=kan4 yi1 kan4", "kan4 yi5 kan4"),
    ("第一=di4 yi1 次=ci4", "di4 yi1 ci4"),
    ("二零二一=er4 ling2 er4 yi1 年=nian2", "er4 ling2 er4 yi1 nian2"),
    ("十一月=shi2 yi1 yue4 一日=yi1 ri4", "shi2 yi1 yue4 yi1 ri4"),
    ("统一=tong3 yi1 的=de5", "tong3 yi1 de5"),
    ("周一=zhou1 yi1 去=qu4", "zhou1 yi1 qu4"),
    ("一周=yi1 zhou1 一次=yi1 ci4", "yi4 zhou1 yi2 ci4"),
    ("医生=yi1 sheng1", "yi1 sheng1"),
    ("万一=wan4 yi1", "wan4 yi1"),
]


@pytest.mark.parametrize(("citation", "surface"), CASES)
def test_surface_tones(citation: str, surface: str) -> None:
    words: list[tuple[str, list[str]]] = []
    for field in citation.split(" "):
        chars, equals, first = field.partition("=")
        if equals:
            words.append((chars, [first]))
        else:
            words[-1][1].append(field)
    got = sandhi(words, lambda w: w in {"老虎", "展览"})
    assert " ".join(s for word in got for s in word) == surface
    assert [len(w) for w in got] == [len(chars) for chars, _ in words]


def test_a_word_without_a_syllable_for_each_character_is_refused() -> None:
    with pytest.raises(ValueError, match="3 characters but 2 syllables"):
        sandhi([("展览馆", ["zhan3", "lan3"])])


def test_sandhi_and_erhua_over_the_borders_of_words() -> None:
    lines = Path(__file__).with_name("surface.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("# ")]
    assert len(rows) >= 40
    read = {written: " ".join(p for word in phones(written) for p in word.phones) for written, _ in rows}
    assert [(w, want, read[w]) for w, want in rows if read[w] != want] == []
