"""The fallback: ``wetext`` reads digits that no rule has claimed, a few characters at a time."""

import logging
import re
import threading
from functools import cache, lru_cache
from typing import Any

from vivace.text.language import RuleLanguage

log = logging.getLogger(__name__)

MAX_CHARS = 80  # it holds the interpreter lock throughout, 0.4 ms a character at worst
STOPS = frozenset(" \n，。！？；、,;!?：")
DIGIT = re.compile(r"[0-9]")
_one_at_a_time = threading.Lock()  # nothing says that its automata may be shared by threads


@cache
def _normalizer(language: RuleLanguage) -> Any:
    from wetext import Normalizer

    return Normalizer(lang=language, operator="tn")


@lru_cache(maxsize=1024)
def read(written: str, language: RuleLanguage) -> str | None:
    """The spoken form of a short stretch, or None if the library fails, says nothing, or leaves digits."""
    if len(written) > MAX_CHARS:
        return None
    try:
        with _one_at_a_time:
            spoken = str(_normalizer(language).normalize(written)).replace("\\", "").strip()
    except Exception as error:  # its grammar asserts on forms such as "[5]" and "@30"
        log.debug("wetext cannot read %r: %r", written, error)
        return None
    return None if not spoken or DIGIT.search(spoken) else spoken


def stretch(text: str, start: int, end: int, claimed: bytearray) -> tuple[int, int]:
    """Grow ``text[start:end]`` to the whole token around it, not into what a rule has claimed."""
    low, high = max(0, start - MAX_CHARS // 2), min(len(text), end + MAX_CHARS // 2)
    while start > low and not claimed[start - 1] and text[start - 1] not in STOPS:
        start -= 1
    while end < high and not claimed[end] and text[end] not in STOPS:
        end += 1
    return start, end
