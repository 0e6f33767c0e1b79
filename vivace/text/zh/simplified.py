"""Traditional characters to simplified ones, one for one, and 著, which both scripts have."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from vivace.text.zh.words import is_word

SENTENCE = 200  # characters: no sentence is longer, unless its punctuation is missing
PARTICLES = "的了是在着就都"  # no word of traditional characters goes on after one
# Where 著 is zhu4, "to write" or "marked", in either script; elsewhere traditional text has it for 着.
AUTHOR_BEFORE = frozenset("名原专專编編论論巨遗遺译譯土显顯卓昭较較拙新旧舊大合所撰校所执巨近各诸諸")
AUTHOR_AFTER = frozenset("作名者述称稱录錄有于於书書")
NOT_AUTHOR = frozenset(("執著", "执著"))
# Verbs that a state follows: 門開著, 他睡著.
STATES = frozenset(
    "開开坐站躺睡走看聽听笑活醒等掛挂放拿抱跟隨随沿憑凭忙急帶带數数背扛頂顶聊長长穿寫写閉闭關关蹲跪下得不到找猜住留守聞闻望盯瞪握提拉推吃喝"
)


@cache
def _simplifier() -> Any:
    from opencc import OpenCC

    return OpenCC("t2s")


def simplified(run: str) -> str:
    """The run in simplified characters, one for one; unchanged where the conversion would change its length.

    The library sees at most ``SENTENCE`` characters at a time: it holds the interpreter lock meanwhile.
    """
    converted = "".join(map(_converted, parts(run)))
    if "角徵" in run:  # a note of the scale keeps its character
        converted = "".join(r if r == "徵" else c for r, c in zip(run, converted, strict=True))
    return _particles(run, converted) if "著" in converted else converted


def _converted(part: str) -> str:
    converted = str(_simplifier().convert(part))
    return converted if len(converted) == len(part) else part


def _particles(run: str, converted: str) -> str:
    """``converted`` with 着 for each 著 that is no authorship."""
    traditional = converted != run
    out = list(converted)
    for i, char in enumerate(converted):
        if char != "著":
            continue
        before, after = converted[i - 1 : i] if i else "", converted[i + 1 : i + 2]
        if _is_state(before, after) or (traditional and not _is_author(before, after)):
            out[i] = "着"
    return "".join(out)


def _is_state(before: str, after: str) -> bool:
    """Whether the words beside 著 tell that it is 着: 看著, 著急."""
    if before and before in STATES:
        return not (after and after in "作名称述")
    return bool(
        (before and is_word(f"{before}着") and not is_word(f"{before}著"))
        or (after and after not in AUTHOR_AFTER and is_word(f"着{after}"))
    )


def _is_author(before: str, after: str) -> bool:
    return not after or (before != "" and before in AUTHOR_BEFORE) or after in AUTHOR_AFTER


def parts(run: str) -> Iterator[str]:
    """A run of Han characters in parts of a sentence at most; what is longer is cut after a particle, if it has one."""
    start = 0
    while len(run) - start > SENTENCE:
        window = run[start : start + SENTENCE]
        particle = max(map(window.rfind, PARTICLES))
        end = start + (particle + 1 if particle >= SENTENCE // 2 else SENTENCE)
        yield run[start:end]
        start = end
    yield run[start:]
