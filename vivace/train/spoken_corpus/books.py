"""Templates for what everyday text seldom has: runs of one word, numbers, codes, spelling, names, two languages."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from vivace.train.corpus.build import TemplateBook, Words, english, mandarin, parse_templates

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
AGAIN_EN = "no yes yeah okay wait stop go well now please never very really hey hello bye ha look come right good more"
AGAIN_ZH = "不 对 好 来 快 是 走 行 谢谢 等等 慢 去 别 有 嗯 哈 喂 看 停 吃 没有 真的 可以 知道 好吧 再见"
DOING = "聊 走 看 想 听 说 笑 哭 吃 写 跑 唱 睡 等 读 找 玩 跳 做 讲 画 数"


@dataclass(frozen=True)
class Made(Words):
    """A class whose members are made, not listed."""

    words: tuple[str, ...] = ()
    make: Callable[[random.Random], str] = lambda rng: ""

    def draw(self, rng: random.Random) -> str:
        return self.make(rng)


def repeated_digits(rng: random.Random, count: int) -> str:
    """Digits among which runs of the same one are frequent."""
    digits = rng.choice("0123456789")
    while len(digits) < count:
        digits += digits[-1] if rng.random() < 0.45 else rng.choice("0123456789")
    return digits


def phone_number(rng: random.Random) -> str:
    """North American: 555-123-4567, now and then with 1-800 in front or without the area."""
    parts = [f"{rng.randint(2, 9)}{repeated_digits(rng, 2)}", repeated_digits(rng, 3), repeated_digits(rng, 4)]
    form = rng.random()
    if form < 0.15:
        return "-".join(("1", "800", *parts[1:]))
    return "-".join(parts[1:] if form < 0.35 else parts)


def mobile(rng: random.Random) -> str:
    """Eleven digits, as in China."""
    return f"1{rng.choice('35789')}{repeated_digits(rng, 9)}"


def hotline(rng: random.Random) -> str:
    return f"400-{repeated_digits(rng, 3)}-{repeated_digits(rng, 4)}"


def code(rng: random.Random) -> str:
    """Four or six digits, which both languages read one by one, sometimes with blanks between them."""
    digits = repeated_digits(rng, rng.choice((4, 4, 6)))
    return " ".join(digits) if rng.random() < 0.5 or digits.startswith(("1", "2")) else f"0{digits[1:]}"


def code_zh(rng: random.Random) -> str:
    return repeated_digits(rng, rng.choice((4, 6)))


def price(rng: random.Random) -> str:
    dollars = rng.choice((rng.randint(1, 99), rng.randint(1, 999), rng.randint(1000, 20_000)))
    return f"${dollars:,}" + (f".{rng.randint(1, 99):02d}" if rng.random() < 0.5 else "")


def yuan(rng: random.Random) -> str:
    amount = rng.choice((rng.randint(1, 99), rng.randint(1, 999), rng.randint(1000, 99_999)))
    decimals = f".{rng.randint(1, 9)}" if amount < 1000 and rng.random() < 0.3 else ""
    return f"{amount}{decimals}{rng.choice(('元', '块', '块钱'))}"


def clock(rng: random.Random) -> str:
    minute = rng.choice(("00", "05", "10", "15", "20", "30", "40", "45", "50", f"{rng.randint(11, 59)}"))
    return f"{rng.randint(1, 12)}:{minute}" + rng.choice(("", "", " a.m.", " p.m."))


def date(rng: random.Random) -> str:
    month = english().words["month"].draw(rng)
    return f"{month} {rng.randint(1, 28)}"


def spelled(rng: random.Random) -> str:
    """Letters with blanks between them: a word's, or any."""
    if rng.random() < 0.5:
        return " ".join(names()["first"].draw(rng).upper())
    return " ".join(rng.choices(LETTERS, k=rng.randint(2, 5)))


def again_en(rng: random.Random) -> str:
    word, count = rng.choice(AGAIN_EN.split()), rng.randint(2, 5)
    return ", ".join([word] * count) if rng.random() < 0.8 else " ".join([word] * count)


def again_zh(rng: random.Random) -> str:
    word, count = rng.choice(AGAIN_ZH.split()), rng.randint(2, 5)
    return rng.choice(("", "", "，")).join([word] * count)


def doing(rng: random.Random) -> str:
    return f"{rng.choice(DOING.split())}着" * 2 if rng.random() < 0.8 else f"{rng.choice(DOING.split())}了又" * 2


def digits_en(rng: random.Random) -> str:
    return " ".join(repeated_digits(rng, rng.randint(3, 8)))


def digits_zh(rng: random.Random) -> str:
    return "".join("零一二三四五六七八九"[int(d)] for d in repeated_digits(rng, rng.randint(3, 8)))


def count_en(rng: random.Random) -> str:
    start = rng.randint(1, 40)
    return ", ".join(str(n) for n in range(start, start + rng.randint(3, 6)))


def _made(**makers: Callable[[random.Random], str]) -> dict[str, Words]:
    return {name: Made(make=make) for name, make in makers.items()}


def _read(name: str) -> str:
    return files("vivace.train.spoken_corpus").joinpath(f"data/{name}").read_text(encoding="utf-8")


def _listed(name: str) -> dict[str, Words]:
    rows = (line.split("\t") for line in _read(name).splitlines())
    return {row[0]: Words(tuple(row[1].split(" "))) for row in rows}


@cache
def names() -> dict[str, Words]:
    """First and last names, cities, Chinese family names."""
    return _listed("words_names.tsv")


@cache
def book(name: str) -> TemplateBook:
    """``numbers_en``, ``numbers_zh``, ``runs_en``, ``runs_zh``, ``mixed`` or ``names``."""
    en, zh = english(), mandarin()
    shared = {**zh.words, **en.words, **names()}
    makers = {
        "numbers_en": _made(phone=phone_number, code=code, price=price, clock=clock, date=date, spelled=spelled),
        "numbers_zh": _made(mobile=mobile, hotline=hotline, code=code_zh, yuan=yuan),
        "runs_en": _made(again=again_en, digits=digits_en, count=count_en),
        "runs_zh": _made(again=again_zh, digits=digits_zh, count=digits_zh, doing=doing),
        "mixed": _listed("words_mixed.tsv"),
        "names": _made(spelled=spelled),
    }
    return TemplateBook(parse_templates(_read(f"{name}.txt")), {**shared, **makers[name]}, {"en": en, "zh": zh})
