"""A piece of text in the form a checkpoint's tokenizer reads."""

import logging
import re

from vivace.models.chattts.tokenizer import Tokenizer
from vivace.types import Piece, Word

log = logging.getLogger(__name__)

# Longest first, so that "zh" is not read as "z".
INITIALS = tuple("zh ch sh b p m f d t n l g k h j q x r z c s y w".split())
PAUSE_TAGS = frozenset({"[uv_break]", "[v_break]", "[lbreak]", "[llbreak]"})
SPEED_TAG = re.compile(r"\[speed_\d\]")

# The published model was trained on letters, ideographs and these four marks; all others become one of them.
_ZH_MARKS = str.maketrans(dict.fromkeys(",;:；：()（）—－-…", "，") | dict.fromkeys(".?!？！", "。"))
_EN_MARKS = str.maketrans(dict.fromkeys("，;:；：、()（）—－-…", ",") | dict.fromkeys("?!。？！", "."))
_SPEAKABLE = re.compile(r"[\u4e00-\u9fffA-Za-z，。、,. ]")
_TAG = re.compile(r"(\[\w+\])")


def syllable_tokens(syllable: str) -> tuple[str, ...]:
    """A pinyin syllable as initial and final: ``nv3`` -> ``i_n f_v3``; ``er2`` -> ``f_er2``."""
    for initial in INITIALS:
        if syllable.startswith(initial):
            return (f"i_{initial}", f"f_{syllable[len(initial) :]}")
    return (f"f_{syllable}",)


def word_tokens(word: Word) -> tuple[str, ...]:
    """The phone tokens of one word."""
    if word.kind == "zh":
        return tuple(token for syllable in word.phones for token in syllable_tokens(syllable))
    return word.phones


def phone_text(piece: Piece, tokenizer: Tokenizer) -> str:
    """Phone tokens with spaces between them; tags the tokenizer lacks become a short pause or nothing."""
    tokens: list[str] = []
    for word in piece.words:
        for token in word_tokens(word):
            if token in tokenizer:
                tokens.append(token)
            elif token in PAUSE_TAGS:
                tokens.append(",")
            else:
                log.warning("this model does not know %r; it is left out", token)
    return " ".join(tokens)


def character_text(text: str, *, zh: bool) -> str:
    """Spoken text with the four marks the published model knows; what it cannot read is left out, tags stay."""
    parts = _TAG.split(text)
    marks = _ZH_MARKS if zh else _EN_MARKS
    for i in range(0, len(parts), 2):  # every second part is a tag
        spoken = "".join(c for c in parts[i].translate(marks) if _SPEAKABLE.match(c))
        parts[i] = re.sub(r"([，。、,.])[，。、,.]+", r"\1", spoken)
    return "".join(parts)
