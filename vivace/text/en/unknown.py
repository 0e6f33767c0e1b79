"""Words that no dictionary has: the most likely phones by the joint n-gram model (``scripts/train_en_g2p.py``)."""

from functools import cache
from heapq import nlargest
from importlib.resources import files

from vivace.text.en.graphones import END, START, JointModel

BEAM = 32  # hypotheses kept at each letter
MARGIN = 9.0  # nats behind the best one at which a hypothesis is given up
MAX_LETTERS = 40

Hypothesis = tuple[float, tuple[int, ...], tuple[str, ...]]  # log-probability, contexts, phones


@cache
def model() -> JointModel:
    """The shipped model; about 0.2 s the first time."""
    return JointModel.unpack(files("vivace.text").joinpath("data/en_g2p.bin.xz").read_bytes())


def phones(word: str) -> tuple[str, ...]:
    """ARPAbet of a word of the letters a to z, in lower case; anything else in it is passed over."""
    return decode(model(), "".join(c for c in word if "a" <= c <= "z")[:MAX_LETTERS])


def decode(joint: JointModel, word: str) -> tuple[str, ...]:
    """The phones of the best graphone sequence that spells ``word``, by beam search from the left."""
    # By letters read: the longest context -> the best hypothesis with it; what follows depends on nothing else.
    beams: list[dict[int, Hypothesis]] = [{} for _ in range(len(word) + 1)]
    contexts = joint.extend((0,), ord(START))
    beams[0][contexts[0]] = (0.0, contexts, ())
    for position in range(len(word)):
        live = nlargest(BEAM, beams[position].values(), key=lambda h: h[0])
        for score, contexts, spoken in live:
            if score < live[0][0] - MARGIN:
                break
            for end in range(position + 1, min(position + 2, len(word)) + 1):
                for symbol, sounds in joint.by_letters.get(word[position:end], ()):
                    total = score + joint.score(contexts, symbol)
                    following = joint.extend(contexts, symbol)
                    best = beams[end].get(following[0])
                    if best is None or total > best[0]:
                        beams[end][following[0]] = (total, following, spoken + sounds)
    ended = [(score + joint.score(contexts, ord(END)), spoken) for score, contexts, spoken in beams[-1].values()]
    return max(ended)[1] if ended else ()
