"""A piece of text in the form a checkpoint's tokenizer reads."""

import logging
import re
from collections.abc import Container, Iterable

from vivace.models.chattts.prompt import Tokenizer
from vivace.text.zh.homophones import Homophones
from vivace.types import Word

log = logging.getLogger(__name__)

# Longest first, so that "zh" is not read as "z".
INITIALS = ("zh", "ch", "sh", *"bpmfdtnlgkhjqxrzcsyw")
SENTENCE_ENDS = frozenset(".?!")
PAUSE_TAGS = frozenset({"[uv_break]", "[v_break]", "[lbreak]", "[llbreak]"})
SPEED_TAG = re.compile(r"\[speed_(\d)\]")
PACE_STEP = 1.1  # from one speed tag to the next; 5 is the usual pace

# The published model was trained on letters, ideographs and these four marks; all others become one of them.
_ZH_MARKS = str.maketrans(dict.fromkeys(",;:；：()（）—－-…", "，") | dict.fromkeys(".?!？！", "。"))
_EN_MARKS = str.maketrans(dict.fromkeys("，;:；：、()（）—－-…", ",") | dict.fromkeys("?!。？！", "."))
_SPEAKABLE = re.compile(r"[\u4e00-\u9fffA-Za-z，。、,. ]")
_TAG = re.compile(r"(\[\w+\])")


def pace_of(style_prompt: str) -> float:
    """Times the usual pace that the last speed tag in ``style_prompt`` asks for; 1 without one."""
    speeds = SPEED_TAG.findall(style_prompt)
    return PACE_STEP ** (int(speeds[-1]) - 5) if speeds else 1.0


def syllable_tokens(syllable: str) -> tuple[str, ...]:
    """A pinyin syllable as initial and final: ``nv3`` -> ``i_n f_v3``; ``er2`` -> ``f_er2``."""
    for initial in INITIALS:
        if syllable.startswith(initial):
            return (f"i_{initial}", f"f_{syllable[len(initial) :]}")
    return (f"f_{syllable}",)


def sounds(token: str) -> bool:
    """Whether a phone token has a sound; marks and control tags have none."""
    return token[0].isalpha()


def word_tokens(word: Word) -> tuple[str, ...]:
    """The phone tokens of one word."""
    if word.kind == "zh":
        return tuple(token for syllable in word.phones for token in syllable_tokens(syllable))
    return word.phones


def phone_text(words: Iterable[Word], tokenizer: Tokenizer, tags: Container[str]) -> str:
    """Phone tokens with spaces between them.

    Of the control tags only those in ``tags`` are written; of the others, pauses become a comma and the rest nothing.
    Every text ends like a sentence, as all of the training do: without that the model goes on speaking.
    """
    tokens: list[str] = []
    for word in words:
        for token in word_tokens(word):
            if word.kind == "tag" and token not in tags:
                if token in PAUSE_TAGS:
                    tokens.append(",")
                else:
                    log.warning("this model was not trained on the tag %s; it is left out", token)
            elif token in tokenizer:
                tokens.append(token)
            else:
                log.warning("this model has no phone %r; it is left out", token)
    if tokens and tokens[-1] not in SENTENCE_ENDS:
        tokens.append(".")
    return " ".join(tokens)


def character_text(text: str, *, zh: bool, homophones: Homophones | None = None) -> str:
    """Spoken text with the four marks the published model knows; what it cannot read is left out, tags stay.

    With ``homophones`` rare characters, of which it knows few, become frequent ones of the same sound.
    """
    parts = _TAG.split(text)
    marks = _ZH_MARKS if zh else _EN_MARKS
    for i in range(0, len(parts), 2):  # every second part is a tag
        replaced = homophones.replace(parts[i]) if homophones else parts[i]
        speakable = "".join(c for c in replaced.translate(marks) if _SPEAKABLE.match(c))
        parts[i] = re.sub(r"([，。、,.])[，。、,.]+", r"\1", speakable)
    return "".join(parts)
