"""Tone sandhi of Mandarin: third tones, 一 and 不. Pure functions over words of citation syllables.

Source: the rules of 现代汉语 textbooks; feet for third tones after Duanmu, *The Phonology of Standard Chinese*, ch. 11.
"""

from collections.abc import Callable, Sequence

NUMERALS = frozenset("零〇一二三四五六七八九幺")
MAGNITUDES = frozenset("十百千万亿")
# Before these, 一 is an ordinal or a label, not a count: 一月, 一号楼, 一楼, 一等奖, 一班.
ORDINAL_HEADS = frozenset("月号楼班等级")
# After these, too: 初一, 周一, 星期一, 之一; but 一周|一次 is a count, so only where no longer word begins with 一.
ORDINAL_MARKS = frozenset("初周期拜之")
NO_ORDINAL = frozenset(("当初", "最初", "起初"))  # 当初一个人
COUNTED_BEFORE = frozenset("钟时天日周月有了换这那每又")  # 每二十分钟一班 counts, 一班的同学 does not
LABELED = frozenset(("附件", "附录", "附表", "附图", "方案", "步骤", "阶段", "单元", "练习", "例题", "图表", "选项"))
MEASURES = frozenset("个些点下种次样直起定共边旦般切")

ZhWord = tuple[str, Sequence[str]]  # characters and their syllables, one each: ("你好", ("ni3", "hao3"))


def sandhi(words: Sequence[ZhWord], is_word: Callable[[str], bool] | None = None) -> list[tuple[str, ...]]:
    """Surface syllables of a phrase, one tuple a word.

    Args:
        words: the words of one phrase, between pauses, with citation tones 1 to 5 (``"yi1"``, ``"bu4"``).
        is_word: says whether characters are a word, which tells 小|老虎 from 展览|馆; without it every word of three
            is read as 2 + 1.
    Raises:
        ValueError: a word has not one syllable a character.
    """
    spans: list[tuple[int, int]] = []
    for chars, reading in words:
        if len(chars) != len(reading):
            raise ValueError(f"{len(chars)} characters but {len(reading)} syllables in {chars!r}; give one each")
        start = spans[-1][1] if spans else 0
        spans.append((start, start + len(chars)))
    text = "".join(chars for chars, _ in words)
    syllables = [s for _, reading in words for s in reading]
    long_starts = {a for a, b in spans if b - a > 1}
    long_ends = {b for a, b in spans if b - a > 1}
    out = _third_tones(syllables, _feet([chars for chars, _ in words], is_word))
    for i, char in enumerate(text):
        if char == "不" and syllables[i] == "bu4":
            out[i] = _bu(text, syllables, i)
        elif char == "一" and syllables[i] == "yi1":
            out[i] = _yi(text, syllables, i, starts_word=i in long_starts, ends_word=i + 1 in long_ends)
    return [tuple(out[a:b]) for a, b in spans]


def _bu(text: str, syllables: Sequence[str], i: int) -> str:
    """不: neutral in A不A, second tone before a fourth, else fourth."""
    if 0 < i < len(text) - 1 and text[i - 1] == text[i + 1]:
        return "bu5"
    return "bu2" if _tone(syllables, i + 1) == "4" else "bu4"


def _yi(text: str, syllables: Sequence[str], i: int, *, starts_word: bool, ends_word: bool) -> str:
    """一: neutral in V一V; first in ordinals, digit strings and at the end; else second before 4 (and 5), fourth."""
    before = text[i - 1] if i else ""
    after = text[i + 1] if i + 1 < len(text) else ""
    if not after or ends_word:  # 统一的: the end of a word counts as the end
        return "yi1"
    if before == after and before not in NUMERALS and before not in MAGNITUDES and text[i - 2 : i - 1] != "一":
        return "yi5"  # 试一试, but 一步一步
    if after in NUMERALS or (after in ORDINAL_HEADS and not (after == "班" and before in COUNTED_BEFORE)):
        return "yi1"
    if after == "杠" or (text[max(0, i - 2) : i] in LABELED and after not in MEASURES):  # 图一杠二, 附件一
        return "yi1"
    if before in MAGNITUDES and after in MAGNITUDES and after != "十":
        return _before_tone(syllables, i)  # 一千一百, but 一百一十
    if before and (before == "第" or before in NUMERALS or before in MAGNITUDES):
        return "yi1"
    if before in ORDINAL_MARKS and not starts_word and text[max(0, i - 2) : i] not in NO_ORDINAL:
        return "yi1" if before != "期" or text[i - 2 : i - 1] == "星" else _before_tone(syllables, i)
    if before == "月" and after in "日号":  # 十月一日, but 一日三餐
        return "yi1"
    return _before_tone(syllables, i)


def _before_tone(syllables: Sequence[str], i: int) -> str:
    return "yi2" if _tone(syllables, i + 1) in "45" else "yi4"


def _third_tones(syllables: Sequence[str], feet: Sequence[tuple[int, int]]) -> list[str]:
    """Third before third becomes second: inside each foot first, then where feet meet."""
    out = list(syllables)
    for start, end in feet:
        for i in range(start, end - 1):
            if _tone(syllables, i) == "3" == _tone(syllables, i + 1):
                out[i] = _with_tone(out[i], "2")
    for _, end in feet:
        if end < len(out) and _tone(out, end - 1) == "3" == _tone(out, end):
            out[end - 1] = _with_tone(out[end - 1], "2")
    return out


def _feet(words: Sequence[str], is_word: Callable[[str], bool] | None) -> list[tuple[int, int]]:
    """Half-open spans in which third tones meet first: pairs, from the left; single words pair up (我也|想买)."""
    feet: list[tuple[int, int]] = []
    position = 0
    lone = False  # the last foot is a single word of one character
    for word in words:
        if len(word) == 1:
            if lone:
                feet[-1] = (feet[-1][0], position + 1)
            else:
                feet.append((position, position + 1))
            lone = not lone
        else:
            lone = False
            head = 1 if _starts_alone(word, is_word) else 0
            if head:
                feet.append((position, position + 1))
            feet += [(position + i, position + min(i + 2, len(word))) for i in range(head, len(word), 2)]
        position += len(word)
    return feet


def _starts_alone(word: str, is_word: Callable[[str], bool] | None) -> bool:
    """Whether a word of three is 1 + 2, as 小老虎 and 纸雨伞 are."""
    return len(word) == 3 and is_word is not None and is_word(word[1:]) and not is_word(word[:2])


def _tone(syllables: Sequence[str], i: int) -> str:
    return syllables[i][-1:] if i < len(syllables) else ""


def _with_tone(syllable: str, tone: str) -> str:
    return syllable[:-1] + tone
