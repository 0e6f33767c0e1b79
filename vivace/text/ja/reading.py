"""A run of kana, Han characters and digits to accent phrases with phones, by Open JTalk (pyopenjtalk-plus)."""

import contextlib
import io
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from types import ModuleType
from typing import Any

from vivace.errors import UnsupportedLanguageError
from vivace.text.ja.prosody import MARKS, PAUSE, PHRASE, prosody_phones

UNREAD = "、"  # how Open JTalk pronounces marks, and characters that it does not know


def read(run: str) -> list[tuple[str, tuple[str, ...]]]:
    """The accent phrases of a run, as written, each with its phones: ``("今日は", ("ky", "o", "]", "o", "w", "a"))``.

    A run whose phrases cannot be told apart in writing, as where digits become words, is one phrase. One of which
    nothing is read has no phones.

    Raises: UnsupportedLanguageError when pyopenjtalk-plus is not installed.
    """
    library = _library()
    # Without the post-processing of pyopenjtalk-plus: the models were trained with the readings of Open JTalk itself.
    nodes: list[Mapping[str, Any]] = library.run_frontend(run, use_vanilla=True)
    phones = prosody_phones(library.make_label(nodes))
    if set(phones) <= MARKS:
        return [(run, ())]
    phrases, written = _phrases(phones), _written(nodes)
    if len(phrases) == len(written) and "".join(written) == unicodedata.normalize("NFKC", run) == run:
        return list(zip(written, phrases, strict=True))
    return [(run, tuple(phones))]


def _phrases(phones: Iterable[str]) -> list[tuple[str, ...]]:
    found: list[list[str]] = [[]]
    for phone in phones:
        found[-1].append(phone)
        if phone in (PHRASE, PAUSE):
            found.append([])
    return [tuple(phrase) for phrase in found if phrase]


def _written(nodes: Sequence[Mapping[str, Any]]) -> list[str]:
    """The text of each accent phrase, in the form that ``clean`` gives it; Open JTalk's is full-width."""
    found: list[str] = []
    for node in nodes:
        text = unicodedata.normalize("NFKC", node["string"])
        joined = node["chain_flag"] == 1 or node["pron"] == UNREAD
        if found and joined:
            found[-1] += text
        else:
            found.append(text)
    return found


@cache
def _library() -> ModuleType:
    try:
        # On import it prints what else could be installed, and our standard output may be a WAV file.
        with contextlib.redirect_stdout(io.StringIO()):
            import pyopenjtalk
    except ImportError as exc:
        raise UnsupportedLanguageError("Japanese needs the library pyopenjtalk-plus: pip install 'vivace[ja]'") from exc
    library: ModuleType = pyopenjtalk
    return library
