"""Words that no dictionary has: the most likely phones by two joint n-gram models and a network.

The n-gram model that reads from the left finds the best ways to spell the word as graphones; the one that reads from
the right and the network, which sees the whole word, score each of them again. Readings that differ only in stress
count together, then the best of them is taken. ``scripts/train_en_g2p.py`` trains all three.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import exp

from vivace.text.en.graphones import JointModel
from vivace.text.en.network import Network
from vivace.text.en.search import log_probabilities, paths

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
    network: Network


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
