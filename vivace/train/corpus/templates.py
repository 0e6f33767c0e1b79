"""Sentences by the thousand: templates whose blanks are filled from word lists."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

BLANK = re.compile(r"\{([^{}]+)\}")  # the innermost one
RANGE = re.compile(r"(\d+)-(\d+)")
SHORT = ".short"


@dataclass(frozen=True)
class Words:
    """A class of words; ``weights`` rise from word to word, or None where all are as likely."""

    words: tuple[str, ...]
    cumulative: tuple[float, ...] | None = None

    def draw(self, rng: random.Random) -> str:
        if self.cumulative is None:
            return rng.choice(self.words)
        return rng.choices(self.words, cum_weights=self.cumulative)[0]


@dataclass(frozen=True)
class TemplateBook:
    """Templates in groups with shares, and the words that fill them."""

    groups: tuple[tuple[float, tuple[str, ...]], ...]
    words: Mapping[str, Words]
    books: Mapping[str, "TemplateBook"] = field(default_factory=dict)  # {en}, {zh}: whole sentences of another book

    def draw(self, rng: random.Random, *, short: bool = False) -> str:
        """One sentence, capitalised; ``short`` takes it from the last group."""
        shares = [share for share, _ in self.groups]
        _, templates = self.groups[-1] if short else rng.choices(self.groups, weights=shares)[0]
        text = self._fill(rng.choice(templates), rng)
        return text[:1].upper() + text[1:]

    def _fill(self, template: str, rng: random.Random) -> str:
        while found := BLANK.search(template):
            template = template[: found.start()] + self._blank(found[1], rng) + template[found.end() :]
        return template

    def _blank(self, name: str, rng: random.Random) -> str:
        if "|" in name:
            return rng.choice(name.split("|"))
        if number := RANGE.fullmatch(name):
            low, high = int(number[1]), int(number[2])
            longest = max(10 * low, 10 ** rng.randint(1, 4))  # short numbers as often as long ones
            return str(rng.randint(low, min(high, longest)))
        book, dot, _ = name.partition(SHORT)
        if book in self.books:
            return self.books[book].draw(rng, short=bool(dot))
        return self.words[name].draw(rng)


CONJUNCTIONS = {"en": (" and ", " but ", " so ", " because ", " while "), "zh": ("而且", "但是", "所以", "因为", "")}


def long_sentence(book: TemplateBook, kind: str, rng: random.Random) -> str:
    """Two to four sentences as the clauses of one."""
    clauses = [book.draw(rng) for _ in range(rng.randint(2, 4))]
    comma, joints = ("，" if kind == "zh" else ","), CONJUNCTIONS[kind]
    text = clauses[0]
    for clause in clauses[1:]:
        text = text.rstrip(".?!。？！") + comma + rng.choice(joints) + clause
    return text


def parse_templates(text: str) -> tuple[tuple[float, tuple[str, ...]], ...]:
    """``share N`` starts a group of templates, one a line; ``#`` lines are comments."""
    groups: list[tuple[float, list[str]]] = []
    for line in filter(None, (raw.strip() for raw in text.splitlines())):
        if line.startswith("share "):
            groups.append((float(line.removeprefix("share ")), []))
        elif not line.startswith("#"):
            groups[-1][1].append(line)
    return tuple((share, tuple(templates)) for share, templates in groups)


def _read(name: str) -> str:
    return files("vivace.train.corpus").joinpath(f"data/{name}").read_text(encoding="utf-8")


def _listed(name: str) -> dict[str, Words]:
    rows = (line.split("\t") for line in _read(name).splitlines())
    return {row[0]: Words(tuple(row[1].split(" "))) for row in rows}


@cache
def english() -> TemplateBook:
    """English sentences; ``{dictionary}`` is any word of the pronouncing dictionary, for sounds no list has."""
    from vivace.text.en.lexicon import lexicon

    any_word = Words(tuple(sorted(word for word in lexicon() if re.fullmatch("[a-z]{3,9}", word))))
    return TemplateBook(parse_templates(_read("templates_en.txt")), _listed("words_en.tsv") | {"dictionary": any_word})


@cache
def mandarin() -> TemplateBook:
    """Mandarin sentences over jieba's dictionary by part of speech; they need to be pronounceable, not sensible."""
    return TemplateBook(parse_templates(_read("templates_zh.txt")), _listed("words_zh.tsv") | _jieba_words())


@cache
def mixed() -> TemplateBook:
    """Mandarin with English words in it, and sentences of both side by side."""
    en, zh = english(), mandarin()
    groups = parse_templates(_read("templates_mixed.txt"))
    return TemplateBook(groups, {**zh.words, **en.words}, {"en": en, "zh": zh})


def _jieba_words(min_count: int = 150) -> dict[str, Words]:
    import jieba

    classes: dict[str, list[tuple[str, float]]] = {}
    with jieba.get_dict_file() as file:
        for line in file.read().decode("utf-8").splitlines():
            word, count, tag = line.split(" ")
            if int(count) >= min_count and re.fullmatch("[一-鿿]{1,4}", word):
                classes.setdefault(tag, []).append((word, int(count) ** 0.4))  # frequent words more often, not always
    found = {}
    for tag, entries in classes.items():
        total, cumulative = 0.0, []
        for _, weight in entries:
            total += weight
            cumulative.append(total)
        found[tag] = Words(tuple(word for word, _ in entries), tuple(cumulative))
    return found
