"""Full-context labels of Open JTalk to phones with the marks of prosody.

Source: the prosody phones of ESPnet (Kurihara et al. 2021, "Prosodic features control by symbols as input of
sequence-to-sequence acoustic modeling for neural TTS"), as section 7 of the GPT-SoVITS front-end facts has them.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

RISE, FALL, PHRASE, PAUSE = "[", "]", "#", "_"
MARKS = frozenset((RISE, FALL, PHRASE, PAUSE))
ENDS_PHRASE = frozenset(("a", "e", "i", "o", "u", "A", "E", "I", "O", "U", "N", "cl"))
DEVOICED = frozenset("AEIOU")

LABEL = re.compile(
    r"-(?P<phone>[^+]+)\+.*?"
    r"/A:(?P<a1>-?\d+|xx)\+(?P<a2>\d+|xx)\+(?P<a3>\d+|xx)/.*?"
    r"/F:(?P<f1>\d+|xx)_"
)
UNSAID = -50  # where a label has no number


def prosody_phones(labels: Sequence[str]) -> list[str]:
    """The phones of a run, devoiced vowels as voiced ones; ``[`` where pitch rises, ``]`` where it falls.

    ``#`` ends an accent phrase, ``_`` is a pause. Silence at both ends is left out.
    """
    parsed = [LABEL.search(label) for label in labels]
    phones: list[str] = []
    for label, following in pairwise(parsed):
        assert label is not None, "a label has a phone, and the fields A and F"
        assert following is not None, "a label has a phone, and the fields A and F"
        phone = label["phone"]
        if phone == "sil":
            continue
        if phone == "pau":
            phones.append(PAUSE)
            continue
        phones.append(phone.lower() if phone in DEVOICED else phone)
        a1, a2, a3, f1 = (_number(label[field]) for field in ("a1", "a2", "a3", "f1"))
        next_a2 = _number(following["a2"])
        if a3 == 1 and next_a2 == 1 and phone in ENDS_PHRASE:
            phones.append(PHRASE)
        elif a1 == 0 and next_a2 == a2 + 1 and a2 != f1:
            phones.append(FALL)
        elif a2 == 1 and next_a2 == 2:
            phones.append(RISE)
    return phones


def _number(written: str) -> int:
    return UNSAID if written == "xx" else int(written)
