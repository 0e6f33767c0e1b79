"""The best ways to spell a word as graphones by one n-gram model, and what a model gives to given ways.

Source of the search for the best paths in their order: Soong and Huang, "A tree-trellis based fast search for finding
the N best sentence hypotheses in continuous speech recognition", 1991.
"""

from dataclasses import dataclass, field
from heapq import heappop, heappush, nlargest
from itertools import count
from math import inf

from vivace.text.en.graphones import END, History, JointModel

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
