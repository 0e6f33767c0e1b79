"""Words that no dictionary has: the most likely phones by two joint n-gram models and a network.

The n-gram model that reads from the left finds the best ways to spell the word as graphones; the one that reads from
the right and the network, which sees the letters on both sides, score each of them again. Readings that differ only in
stress count together, then the best of them is taken. ``scripts/train_en_g2p.py`` trains all three.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from heapq import heappop, heappush, nlargest
from importlib.resources import files
from itertools import count
from math import exp

from vivace.text.en.graphones import END, START, JointModel
from vivace.text.en.network import Network

BEAM = 32  # states kept at each letter
MARGIN = 9.0  # nats behind the best one at which a state is given up
CANDIDATES = 30  # paths that the other models score
NETWORK = 0.8  # weight of the network beside the n-gram models
SHARPNESS = 0.6  # of the sum of scores: the models are not independent of one another
MAX_LETTERS = 40


@dataclass(frozen=True)
class Reader:
    """The three models; their graphones are the same."""

    forward: JointModel
    backward: JointModel
    network: Network


@dataclass(slots=True, eq=False)
class _State:
    """A place in the search: what follows depends on nothing but the contexts."""

    contexts: tuple[int, ...]
    score: float  # of the best path to it
    arrivals: list[tuple[float, "_State", int]] = field(default_factory=list)  # score of the step, from where, symbol


@cache
def model() -> Reader:
    """The shipped models; about 0.5 s the first time."""
    data = files("vivace.text").joinpath("data")
    forward, backward = (data.joinpath(f"en_g2p_{way}.bin.xz").read_bytes() for way in ("forward", "backward"))
    network = data.joinpath("en_g2p_network.npz.xz").read_bytes()
    return Reader(JointModel.unpack(forward), JointModel.unpack(backward), Network.unpack(network))


def phones(word: str) -> tuple[str, ...]:
    """ARPAbet of a word of the letters a to z, in lower case; anything else in it is passed over."""
    return decode(model(), "".join(c for c in word if "a" <= c <= "z")[:MAX_LETTERS])


def decode(reader: Reader, word: str) -> tuple[str, ...]:
    """The phones that the models together find most likely; ``()`` if the word cannot be spelled out."""
    found = paths(reader.forward, word)
    if not found:
        return ()
    seen = reader.network.scores(word, [path for _, path in found])
    scored = [
        (SHARPNESS * (score + _score(reader.backward, path[::-1]) + NETWORK * fit), reader.forward.phones(path))
        for (score, path), fit in zip(found, seen, strict=True)
    ]
    best = max(score for score, _ in scored)
    total: defaultdict[tuple[str, ...], float] = defaultdict(float)  # by phones without stress
    for score, spoken in scored:
        total[_plain(spoken)] += exp(score - best)
    chosen = max(total, key=total.__getitem__)
    return max(s for s in scored if _plain(s[1]) == chosen)[1]


def paths(joint: JointModel, word: str, most: int = CANDIDATES) -> list[tuple[float, tuple[int, ...]]]:
    """Up to ``most`` graphone sequences that spell ``word`` with their log-probabilities, the best first.

    A beam search from the left finds the states; a search from the right end, which knows the best score to every
    state, then meets the paths in their order.
    """
    contexts = joint.extend((0,), ord(START))
    start = _State(contexts, 0.0)
    beams: list[dict[int, _State]] = [{contexts[0]: start}, *({} for _ in word)]
    for position in range(len(word)):
        live = nlargest(BEAM, beams[position].values(), key=lambda s: s.score)
        for state in live:
            if state.score < live[0].score - MARGIN:
                break
            for end in range(position + 1, min(position + 2, len(word)) + 1):
                for symbol in joint.by_letters.get(word[position:end], ()):
                    step = joint.score(state.contexts, symbol)
                    following = joint.extend(state.contexts, symbol)
                    reached = beams[end].get(following[0])
                    if reached is None:
                        reached = beams[end][following[0]] = _State(following, state.score + step)
                    elif state.score + step > reached.score:
                        reached.score = state.score + step
                    reached.arrivals.append((step, state, symbol))
    return _best_first(joint, beams[-1], most) if word else []


def _best_first(joint: JointModel, ends: dict[int, _State], most: int) -> list[tuple[float, tuple[int, ...]]]:
    order = count()  # breaks ties
    heap: list[tuple[float, int, float, _State, tuple[int, ...]]] = []
    for state in ends.values():
        step = joint.score(state.contexts, ord(END))
        heappush(heap, (-state.score - step, next(order), step, state, ()))
    found: list[tuple[float, tuple[int, ...]]] = []
    while heap and len(found) < most:
        cost, _, after, state, path = heappop(heap)
        if not state.arrivals:
            found.append((-cost, path))
        for step, before, symbol in state.arrivals:
            heappush(heap, (-before.score - step - after, next(order), step + after, before, (symbol, *path)))
    return found


def _score(joint: JointModel, path: tuple[int, ...]) -> float:
    contexts = joint.extend((0,), ord(START))
    total = 0.0
    for symbol in (*path, ord(END)):
        total += joint.score(contexts, symbol)
        contexts = joint.extend(contexts, symbol)
    return total


def _plain(spoken: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(phone.rstrip("012") for phone in spoken)
