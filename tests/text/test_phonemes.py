"""NormalizedText words to phones."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vivace.text import phones
from vivace.types import Word

SYLLABLE = re.compile(r"(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?[aeiouv][a-z]{0,3}[1-5]")
ARPABET = re.compile(
    r"(?:AA|AE|AH|AO|AW|AY|EH|ER|EY|IH|IY|OW|OY|UH|UW)[0-2]|B|CH|DH?|F|G|HH|JH?|K|L|M|NG?|P|R|SH?|TH?|V|W|Y|ZH?"
)

CHINESE = [
    ("你好", "ni2 hao3"),
    ("展览馆", "zhan2 lan2 guan3"),
    ("我也想买", "wo2 ye3 xiang2 mai3"),
    ("一个不一样的一天", "yi2 ge4 bu4 yi2 yang4 de5 yi4 tian1"),
    ("绿色", "lv4 se4"),
    ("银行行长", "yin2 hang2 hang2 zhang3"),
    ("他的确切意思", "ta1 de5 que4 qie4 yi4 si5"),
    ("便宜又高兴", "pian2 yi5 you4 gao1 xing4"),
    ("了解为什么", "liao2 jie3 wei4 shen2 me5"),
    ("重庆的重量", "chong2 qing4 de5 zhong4 liang4"),
    ("音乐和快乐", "yin1 yue4 he2 kuai4 le4"),
    ("长大成校长", "zhang3 da4 cheng2 xiao4 zhang3"),
    ("我得走了", "wo2 dei2 zou3 le5"),
    ("跑得很快", "pao3 de5 hen3 kuai4"),
    ("慢慢地走", "man4 man4 de5 zou3"),
    ("还书还是还钱", "huan2 shu1 hai2 shi4 huan2 qian2"),
    ("两只狗只吃肉", "liang3 zhi1 gou2 zhi3 chi1 rou4"),
    ("看了大夫", "kan4 le5 dai4 fu5"),
    ("数一数数量", "shu3 yi5 shu3 shu4 liang4"),
    ("教我教育", "jiao1 wo3 jiao4 yu4"),
    ("背着书包的后背", "bei1 zhe5 shu1 bao1 de5 hou4 bei4"),
    ("西藏藏在心里", "xi1 zang4 cang2 zai4 xin1 li3"),
    ("姓单的老师", "xing4 shan4 de5 lao3 shi1"),
    ("花儿和女儿", "hua1 er5 he2 nv3 er2"),
    ("儿童在哪儿玩", "er2 tong2 zai4 na3 er5 wan2"),
    ("銀行長髮", "yin2 hang2 chang2 fa4"),
    ("二零二一年第一次", "er4 ling2 er4 yi1 nian2 di4 yi1 ci4"),
    ("二十一点五度", "er4 shi2 yi1 dian2 wu3 du4"),
    ("嗯", "en2"),
    ("他高兴地唱歌", "ta1 gao1 xing4 de5 chang4 ge1"),
    ("中国土地上", "zhong1 guo2 tu3 di4 shang4"),
    ("他长得很高头发很长", "ta1 zhang3 de5 hen3 gao1 tou2 fa5 hen3 chang2"),
    ("衣服晒干了他很能干", "yi1 fu5 shai4 gan1 le5 ta1 hen3 neng2 gan4"),
    ("会计会计算", "kuai4 ji4 hui4 ji4 suan4"),
    ("参加差别很大的出差", "can1 jia1 cha1 bie2 hen3 da4 de5 chu1 chai1"),
    ("曾先生曾经姓曾", "zeng1 xian1 sheng5 ceng2 jing1 xing4 zeng1"),
    ("他不得不去", "ta1 bu4 de2 bu2 qu4"),
]

ENGLISH = [
    ("Hello world", "HH AH0 L OW1 W ER1 L D"),
    ("He's read", "HH IY1 Z R EH1 D"),
    ("to read", "T UW1 R IY1 D"),
    ("the use of it", "DH AH0 Y UW1 S AH1 V IH1 T"),
    ("we use it", "W IY1 Y UW1 Z IH1 T"),
    ("a record", "AH0 R EH1 K ER0 D"),
    ("I have read", "AY1 HH AE1 V R EH1 D"),
    ("very close", "V EH1 R IY0 K L OW1 S"),
    ("to live", "T UW1 L IH1 V"),
    ("GPT", "JH IY1 P IY1 T IY1"),
    ("two PCs", "T UW1 P IY1 S IY1 Z"),
    ("NASA", "N AE1 S AH0"),
    ("in the US", "IH0 N DH AH0 Y UW1 EH1 S"),
    ("GIVE IT NOW", "G IH1 V IH1 T N AW1"),
    ("a cat", "AH0 K AE1 T"),
    ("A座", "EY1 zuo4"),
    ("3 p.m.", "TH R IY1 P IY1 EH1 M ."),
    ("7 a.m. now", "S EH1 V AH0 N EY1 EH1 M N AW1"),
    ("café", "K AH0 F EY1"),
    ("well-known", "W EH1 L N OW1 N"),
    ("Vivace", "V IH0 V AA1 CH EY0"),
    ("HomeKit", "HH OW1 M K IH1 T"),
    ("blogged", "B L AO1 G D"),
    ("selfies'", "S EH1 L F IY0 Z"),
]


def sounds(words: tuple[Word, ...]) -> str:
    return " ".join(p for w in words for p in w.phones)


@pytest.mark.parametrize(("written", "want"), CHINESE)
def test_pinyin_after_sandhi(written: str, want: str) -> None:
    assert sounds(phones(written)) == want


@pytest.mark.parametrize(("written", "want"), ENGLISH)
def test_arpabet(written: str, want: str) -> None:
    assert sounds(phones(written)) == want


def test_an_unknown_word_is_read_by_the_model() -> None:
    assert sounds(phones("blorptastic")) == "B L AO1 R P T AE1 S T IH0 K"


def test_words_marks_and_tags_have_their_kinds_and_written_spans() -> None:
    written = "I pay $5 now[laugh]，真的！"
    words = phones(written)
    assert [w.kind for w in words] == ["en", "en", "en", "en", "en", "tag", "punct", "zh", "punct"]
    assert [written[w.start : w.end] for w in words] == [
        "I",
        "pay",
        "$5",
        "$5",
        "now",
        "[laugh]",
        "，",
        "真的",
        "！",
    ]
    assert [w.phones for w in words if w.kind in ("punct", "tag")] == [("[laugh]",), (",",), ("!",)]


def test_marks_are_the_six() -> None:
    words = phones("一，二、三；四：五！六？七。eight, nine; ten: eleven! twelve? thirteen.")
    assert {w.text for w in words if w.kind == "punct"} == set(",.?!;:")


@settings(max_examples=80, deadline=None)
@given(st.text(alphabet="abcdeghikmnorstwyzGPXé'-0125.,!?[]()一不儿了长行得好我你银的中国地，。", max_size=40))
def test_every_phone_is_in_the_inventory(written: str) -> None:
    for word in phones(written):
        if word.kind == "zh":
            assert len(word.phones) == len(word.text)
            assert all(SYLLABLE.fullmatch(p) for p in word.phones)
        elif word.kind == "en":
            assert word.phones
            assert all(ARPABET.fullmatch(p) for p in word.phones)
        elif word.kind == "punct":
            assert word.text in ",.?!;:"


def test_all_common_characters_are_read_inside_the_inventory() -> None:
    """The 6,763 characters of GB 2312."""
    run = bytes(b for row in range(0xB0, 0xF8) for cell in range(0xA1, 0xFF) for b in (row, cell)).decode(
        "gb2312", "ignore"
    )
    got = [p for w in phones(run, "zh") for p in w.phones]
    assert len(got) == len(run) == 6763
    assert all(SYLLABLE.fullmatch(p) for p in got)
