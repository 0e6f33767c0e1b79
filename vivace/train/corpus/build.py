"""The corpus stage: sentences, teachers, mels and alignments."""

import random
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import torch

from vivace.audio.mel import log_mel
from vivace.models.chattts.dvae import MEL
from vivace.models.chattts.text import word_tokens
from vivace.text import phones
from vivace.text.en.lexicon import lookup
from vivace.train.corpus.dataset import HELD_OUT, HOP, ShardWriter, Utterance
from vivace.train.corpus.prosody import synthesize
from vivace.train.corpus.recording import CODE_SAMPLES, Teacher, leveled, token_positions
from vivace.types import Word

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
        """One sentence, capitalized; ``short`` takes it from the last group."""
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


@dataclass(frozen=True)
class Share:
    """The share of one teacher and one kind of sentence in the corpus."""

    speaker: str
    kind: str
    fraction: float


@dataclass(frozen=True)
class CorpusPlan:
    """The composition of a corpus."""

    shares: tuple[Share, ...]
    found: float = 0.6  # of the English sentences: from the list of written ones, a third of them with words replaced
    double: float = 0.1  # two sentences in one utterance
    long: float = 0.06  # several joined to one sentence of 20 to 45 words
    paced: float = 0.4  # a [speed_n] in front
    broken: float = 0.15  # a pause tag between two words
    tokens: tuple[int, int] = (2, 200)
    frames: tuple[int, int] = (10, 800)
    held_out: int = 20  # per speaker and kind, but never more than a quarter

    def only(self, kinds: Collection[str]) -> "CorpusPlan":
        """The part of the plan that is of these ``kinds``, as a whole."""
        kept = [share for share in self.shares if share.kind in kinds]
        whole = sum(share.fraction for share in kept)
        return replace(self, shares=tuple(replace(share, fraction=share.fraction / whole) for share in kept))


EMBEDDED_PLAN = CorpusPlan(
    (
        Share("slt", "en", 0.24),
        Share("rms", "en", 0.13),
        Share("esm", "en", 0.115),
        Share("esf", "en", 0.115),
        Share("esm", "zh", 0.165),
        Share("esf", "zh", 0.165),
        Share("esm", "mixed", 0.035),
        Share("esf", "mixed", 0.035),
    )
)


@dataclass(frozen=True)
class Line:
    """A sentence for one speaker."""

    speaker: str
    kind: str
    text: str
    part: str = "train"


def near_copies(text: str, forbidden: Iterable[str], length: int = 4) -> bool:
    """Whether ``text`` is a forbidden sentence, or shares two fifths of its ``length``-grams of words or characters."""
    grams, whole = _grams(text, length), _units(text)
    for other in forbidden:
        theirs = _grams(other, length)
        if whole == _units(other) or len(grams & theirs) >= max(1.0, 0.4 * len(theirs)):
            return True
    return False


@lru_cache(maxsize=4096)
def _units(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[a-z']+|[一-鿿]", text.lower()))


@lru_cache(maxsize=4096)  # the forbidden ones are asked for again and again
def _grams(text: str, length: int) -> frozenset[tuple[str, ...]]:
    units = _units(text)
    return frozenset(units[i : i + length] for i in range(len(units) - length + 1))


def is_in_dictionary(words: Sequence[Word]) -> bool:
    """Whether every English word has a dictionary reading, so that the teacher's speech matches the tokens."""
    return all(lookup(w.text) is not None for w in words if w.kind == "en")


def draw_lines(
    plan: CorpusPlan, count: int, seed: int, *, written: Sequence[str] = (), forbidden: Sequence[str] = ()
) -> list[Line]:
    """Sentences for every share, ``count`` in all, in random order, none twice for the same speaker.

    Args:
        written: English sentences to draw from besides the templates.
        forbidden: sentences that neither these lines nor near copies of them may be.
    """
    rng, seen = random.Random(seed), set[tuple[str, str]]()
    written = [text for text in written if not near_copies(text, forbidden)]
    lines = []
    for share in plan.shares:
        stock = rng.sample(written, len(written))
        wanted = round(count * share.fraction)
        held_out = min(plan.held_out, wanted // 4)
        made = 0
        while made < wanted:
            text = _sentence(share.kind, plan, rng, stock, written)
            if (share.speaker, text) in seen or near_copies(text, forbidden):
                continue
            seen.add((share.speaker, text))
            words = phones(text)
            tokens = sum(len(word_tokens(word)) for word in words)
            if plan.tokens[0] <= tokens <= plan.tokens[1] and is_in_dictionary(words):
                lines.append(Line(share.speaker, share.kind, text, HELD_OUT if made < held_out else "train"))
                made += 1
    held = {line.text for line in lines if line.part == HELD_OUT}
    lines = [line for line in lines if line.part == HELD_OUT or line.text not in held]
    rng.shuffle(lines)
    return lines


def _sentence(kind: str, plan: CorpusPlan, rng: random.Random, stock: list[str], written: Sequence[str]) -> str:
    if rng.random() < plan.broken:
        return with_break(_sentence(kind, replace(plan, broken=0.0), rng, stock, written), rng)
    if rng.random() < plan.paced:
        return f"[speed_{rng.randrange(10)}]" + _sentence(kind, replace(plan, paced=0.0, long=0.0), rng, stock, written)
    if kind == "mixed":
        return mixed().draw(rng)
    book = english() if kind == "en" else mandarin()
    if rng.random() < plan.long:
        return long_sentence(book, kind, rng)
    text = book.draw(rng)
    if kind == "en" and written and rng.random() < plan.found:
        text = _with_rare_words(rng.choice(written), rng) if rng.random() < 1 / 3 or not stock else stock.pop()
    if rng.random() < plan.double:
        text += ("" if kind == "zh" else " ") + book.draw(rng)
    return text


def with_break(text: str, rng: random.Random) -> str:
    """``text`` with a pause tag between two of its words."""
    words = phones(text)
    places = [b.start for a, b in pairwise(words) if _may_pause(a, b)]
    if not places:
        return text
    at = rng.choice(places)
    return f"{text[:at]}{rng.choice(('[uv_break]', '[lbreak]'))}{text[at:]}"


def _may_pause(a: Word, b: Word) -> bool:
    return "tag" not in (a.kind, b.kind) and b.kind != "punct" and b.start >= a.end


def _with_rare_words(sentence: str, rng: random.Random) -> str:
    """One or two longer words replaced by any of the dictionary: new sound sequences in natural prosody."""
    words = sentence.split(" ")
    for _ in range(rng.randint(1, 2)):
        at = rng.randrange(len(words))
        if found := re.fullmatch(r"([A-Za-z]{4,})([.,?!;:]?)", words[at]):
            words[at] = english().words["dictionary"].draw(rng) + found[2]
    return " ".join(words)


def record(line: Line, teacher: Teacher, plan: CorpusPlan) -> tuple[Utterance, torch.Tensor, torch.Tensor] | None:
    """An utterance with its mel ``[2T, M]`` and samples ``[N]``; None when the speech is too short or too long."""
    words = phones(line.text)
    recording = synthesize(teacher, words)
    if recording is None:
        return None
    frames = len(recording.samples) // CODE_SAMPLES
    if not plan.frames[0] <= frames <= plan.frames[1]:
        return None
    samples = torch.from_numpy(leveled(recording.samples[: frames * CODE_SAMPLES - HOP]))  # 2T centered mel frames
    tokens = tuple(token for word in words for token in word_tokens(word))
    positions = token_positions(recording, len(tokens), frames)
    rounded = tuple(round(float(p), 1) for p in positions)
    utterance = Utterance(line.speaker, line.kind, line.text, tokens, rounded, frames, part=line.part)
    return utterance, log_mel(samples[None], MEL)[0].T, samples


def write_shard(folder: Path, lines: Sequence[Line], teachers: dict[str, Teacher], plan: CorpusPlan) -> int:
    """Record ``lines`` into one shard; how many there are in the end."""
    torch.set_num_threads(1)
    writer, count = ShardWriter(folder), 0
    for line in lines:
        if (made := record(line, teachers[line.speaker], plan)) is not None:
            utterance, mel, samples = made
            writer.add(utterance, mel.numpy(), samples.numpy())
            count += 1
    writer.close()
    return count


def build_corpus(
    root: Path, lines: Sequence[Line], teachers: dict[str, Teacher], plan: CorpusPlan, *, processes: int
) -> int:
    """Record all lines below ``root``, one shard a process; how many utterances there are."""
    shards = [(root / f"shard{i}", lines[i::processes], teachers, plan) for i in range(processes)]
    if processes == 1:
        return write_shard(*shards[0])
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return sum(pool.map(write_shard, *zip(*shards, strict=True)))
