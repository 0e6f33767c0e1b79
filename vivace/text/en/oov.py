"""Words that no dictionary has: the most likely phones by two joint n-gram models and a network.

The n-gram model that reads from the left finds the best ways to spell the word as graphones; the one that reads from
the right and the network, which sees the whole word, score each of them again. Readings that differ only in stress
count together, then the best of them is taken. ``scripts/train_en_g2p.py`` trains all three.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from heapq import heappop, heappush, nlargest
from importlib.resources import files
from itertools import count
from math import exp, inf

from vivace.text.en.graphones import END, History, JointModel
from vivace.text.en.network import GraphoneNetwork

CANDIDATES = 30  # paths that the other models score
WEIGHTS = (0.2, 0.3, 0.4)  # of the log-probabilities of the three models: they are not independent of one another
MAX_LETTERS = 40
QUICK_BEAM, QUICK_MARGIN = (
    4,
    5.0,
)  # of the search that answers in 0.07 ms a letter, a thirtieth of the time of all three
NO_WORD = -4.5  # nats a letter: words have -2 to -4, letters drawn at random -6

Scores = tuple[float, float, float]  # log-probabilities by the three models


@dataclass(frozen=True)
class Reader:
    """The three models; their graphones are the same."""

    forward: JointModel
    backward: JointModel
    network: GraphoneNetwork


@cache
def model() -> Reader:
    """The shipped models; about 0.5 s the first time."""
    data = files("vivace.text").joinpath("data")
    forward, backward = (data.joinpath(f"en_g2p_{way}.bin.xz").read_bytes() for way in ("forward", "backward"))
    network = data.joinpath("en_g2p_network.npz.xz").read_bytes()
    return Reader(JointModel.unpack(forward), JointModel.unpack(backward), GraphoneNetwork.unpack(network))


def phones(word: str) -> tuple[str, ...]:
    """ARPAbet of a word of the letters a to z, in lower case; anything else in it is passed over."""
    return decode(model(), "".join(c for c in word if "a" <= c <= "z")[:MAX_LETTERS])


def quick_phones(word: str) -> tuple[str, ...]:
    """As ``phones``, by a narrow search in one n-gram model; ``()`` for letters that are no word in any language."""
    letters = "".join(c for c in word if "a" <= c <= "z")[:MAX_LETTERS]
    joint = model().forward
    found = paths(joint, letters, 1, beam=QUICK_BEAM, margin=QUICK_MARGIN)
    if not found or found[0][0] < NO_WORD * len(letters):
        return ()
    return joint.phones(found[0][1])


def decode(reader: Reader, word: str) -> tuple[str, ...]:
    """The phones that the models together find most likely; ``()`` if the word cannot be spelled out."""
    return choose(candidates(reader, word))


def candidates(reader: Reader, word: str) -> list[tuple[Scores, tuple[str, ...]]]:
    """Phones of ``word`` and what each model gives them; the same phones can come from several paths."""
    found = paths(reader.forward, word, CANDIDATES)
    if not found:
        return []
    ways = [path for _, path in found]
    after = log_probabilities(reader.backward, [path[::-1] for path in ways])
    whole = reader.network.scores(word, ways)
    return [
        ((score, back, fit), reader.forward.phones(path))
        for (score, path), back, fit in zip(found, after, whole, strict=True)
    ]


def choose(found: list[tuple[Scores, tuple[str, ...]]], weights: Scores = WEIGHTS) -> tuple[str, ...]:
    """The most likely phones; readings that differ only in stress support each other."""
    scored = [(sum(w * s for w, s in zip(weights, scores, strict=True)), spoken) for scores, spoken in found]
    best = max((score for score, _ in scored), default=0.0)
    total: defaultdict[tuple[str, ...], float] = defaultdict(float)  # by phones without stress
    for score, spoken in scored:
        total[_plain(spoken)] += exp(score - best)
    if not total:
        return ()
    chosen = max(total, key=total.__getitem__)
    return max(s for s in scored if _plain(s[1]) == chosen)[1]


def _plain(spoken: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(phone.rstrip("012") for phone in spoken)


BEAM = 32  # states kept at each letter
MARGIN = 9.0  # nats behind the best one at which a state is given up
VOWEL_LETTERS = frozenset("aeiouy")


@dataclass(slots=True, eq=False)
class _State:
    """A place in the search: what follows depends on nothing but the history and whether a vowel was spoken."""

    history: History
    has_vowel: bool
    score: float  # of the best path to it
    arrivals: list[tuple[float, "_State", int]] = field(default_factory=list)  # score of the step, from where, symbol


def paths(
    joint: JointModel, word: str, most: int, *, beam: int = BEAM, margin: float = MARGIN
) -> list[tuple[float, tuple[int, ...]]]:
    """Up to ``most`` graphone sequences that spell ``word`` with their log-probabilities, the best first.

    A beam search from the left finds the states; a search from the right end, which knows the best score to every
    state, then meets the paths in their order. A word with a vowel letter has a vowel: other paths do not count, and at
    each letter the best state with a vowel stays in the beam.
    """
    needs_vowel = not VOWEL_LETTERS.isdisjoint(word)
    start = _State(joint.beginning, not needs_vowel, 0.0)
    beams: list[dict[tuple[int, bool], _State]] = [
        {(start.history[0].node, start.has_vowel): start},
        *({} for _ in word),
    ]
    top = [{False: -inf, True: -inf} for _ in beams]  # the best score so far
    for position in range(len(word)):
        for state in _live(beams[position], beam, margin):
            for end in range(position + 1, min(position + 2, len(word)) + 1):
                for symbol in joint.by_letters.get(word[position:end], ()):
                    step = joint.score(state.history, symbol)
                    has_vowel = state.has_vowel or symbol in joint.vowels
                    score = state.score + step
                    if score < top[end][has_vowel] - margin:
                        continue
                    top[end][has_vowel] = max(top[end][has_vowel], score)
                    following = joint.extend(state.history, symbol)
                    reached = beams[end].get((following[0].node, has_vowel))
                    if reached is None:
                        reached = beams[end][following[0].node, has_vowel] = _State(following, has_vowel, score)
                    else:
                        reached.score = max(reached.score, score)
                    reached.arrivals.append((step, state, symbol))
    ends = [state for state in beams[-1].values() if state.has_vowel]
    return _best_first(joint, ends, most) if word else []


def _live(states: dict[tuple[int, bool], _State], beam: int, margin: float) -> list[_State]:
    best = nlargest(beam, states.values(), key=lambda s: s.score)
    live = [state for state in best if state.score >= best[0].score - margin]
    if not any(state.has_vowel for state in live):
        live += nlargest(1, (s for s in states.values() if s.has_vowel), key=lambda s: s.score)
    return live


def _best_first(joint: JointModel, ends: list[_State], most: int) -> list[tuple[float, tuple[int, ...]]]:
    order = count()  # breaks ties
    heap: list[tuple[float, int, float, _State, tuple[int, ...]]] = []
    for state in ends:
        step = joint.score(state.history, ord(END))
        heappush(heap, (-state.score - step, next(order), step, state, ()))
    found: list[tuple[float, tuple[int, ...]]] = []
    while heap and len(found) < most:
        cost, _, after, state, path = heappop(heap)
        if not state.arrivals:
            found.append((-cost, path))
        for step, before, symbol in state.arrivals:
            heappush(heap, (-before.score - step - after, next(order), step + after, before, (symbol, *path)))
    return found


def log_probabilities(joint: JointModel, paths: list[tuple[int, ...]]) -> list[float]:
    """Of each path of symbols; steps that paths share are looked up once."""
    known: dict[tuple[int, int], tuple[float, History]] = {}
    found: list[float] = []
    for path in paths:
        history, total = joint.beginning, 0.0
        for symbol in (*path, ord(END)):
            key = (history[0].node, symbol)
            step = known.get(key)
            if step is None:
                step = known[key] = (joint.score(history, symbol), joint.extend(history, symbol))
            total += step[0]
            history = step[1]
        found.append(total)
    return found
