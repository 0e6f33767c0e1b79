"""The corpus stage: sentences, teachers, mels and alignments."""

import random
import re
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
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
from vivace.train.corpus.prosody import perform
from vivace.train.corpus.recording import CODE_SAMPLES, Teacher, levelled, token_positions
from vivace.train.corpus.templates import english, long_sentence, mandarin, mixed
from vivace.types import Word


@dataclass(frozen=True)
class Share:
    """How much of the corpus one teacher says of one kind."""

    speaker: str
    kind: str
    fraction: float


@dataclass(frozen=True)
class CorpusPlan:
    """What a corpus is made of."""

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
    """Whether every English word has a dictionary reading, so that teacher and tokens say the same."""
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
    recording = perform(teacher, words)
    if recording is None:
        return None
    frames = len(recording.samples) // CODE_SAMPLES
    if not plan.frames[0] <= frames <= plan.frames[1]:
        return None
    samples = torch.from_numpy(levelled(recording.samples[: frames * CODE_SAMPLES - HOP]))  # 2T centred mel frames
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
