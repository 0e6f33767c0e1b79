"""What Whisper base understands of a speech, in words that can be compared."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import soxr

from vivace.errors import SettingsError
from vivace.text import phones
from vivace.text.zh.simplified import simplified
from vivace.train.corpus.recording import SAMPLE_RATE, Samples
from vivace.train.evaluation.hearing import Tally
from vivace.train.judges.packages import JudgeParts

RATE = 16_000  # Hz
MARGIN_S = 0.2  # of silence at both ends: without it a first or last word may be lost
BEAM = 5
CONTRACTIONS = {
    "^can't": "can not", "^cannot": "can not", "^won't": "will not", "n't": " not", "'m": " am", "'re": " are",
    "'ve": " have", "'ll": " will",
}  # fmt: skip
HAN = re.compile("[㐀-鿿]+")


class Whisper:
    """The packaged weights in int8. ``threads``: of the processor."""

    def __init__(self, parts: JudgeParts, threads: int = 1) -> None:
        try:
            from faster_whisper import WhisperModel
        except ImportError as exc:
            raise SettingsError("faster-whisper is not installed: `pip install 'vivace[judges]'`") from exc
        self._model: Any = WhisperModel(str(parts.whisper), device="cpu", compute_type="int8", cpu_threads=threads)

    def text(self, samples: Samples, language: str) -> str:
        """What ``samples`` ``[N]`` at 24 kHz say; ``language`` is ``en`` or ``zh``, mixed speech is ``zh``."""
        speech = np.pad(soxr.resample(samples, SAMPLE_RATE, RATE), round(MARGIN_S * RATE)).astype(np.float32)
        segments, _ = self._model.transcribe(
            speech, language=language, beam_size=BEAM, temperature=0.0, condition_on_previous_text=False
        )
        return "".join(segment.text for segment in segments).strip()


def units(text: str, language: str) -> list[str]:
    """``text`` as it is compared: English words in lower case, Han characters one by one; numbers as they are read."""
    found: list[str] = []
    for word in phones(HAN.sub(lambda run: simplified(run[0]), text), "zh" if language == "mixed" else language):  # type: ignore[arg-type]
        if word.kind == "zh":
            found += [c for c in word.text if HAN.match(c)]
        elif word.kind == "en":
            found += re.findall("[a-z]+", _whole_words(word.text))
    return found


def _whole_words(word: str) -> str:
    """``I'm`` and ``well-known`` as two words each: how they are written is the recogniser's taste."""
    text = word.lower().replace("’", "'")
    for short, long in CONTRACTIONS.items():
        text = re.sub(rf"{short}$", long, text)
    return text.replace("'", "")


def syllables(text: str) -> list[str]:
    """Pinyin with tones of ``text``: characters of the same sound are the same."""
    words = phones(HAN.sub(lambda run: simplified(run[0]), text), "zh")
    return [sound for word in words if word.kind in ("zh", "en") for sound in word.phones]


def plain(text: str) -> str:
    """Letters, digits and characters only, simplified, in lower case: where a key is looked up."""
    return re.sub(r"[^0-9a-z㐀-鿿]", "", HAN.sub(lambda run: simplified(run[0]), text).lower())


DIGITS = {
    "zero": "0", "oh": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9",
}  # fmt: skip
HAN_DIGITS = str.maketrans("零〇幺一二三四五六七八九", "001123456789")


def heard_as(text: str, key: str) -> bool:
    """Whether a run is heard as often as ``key`` has it, no less and no more.

    ``key`` is in the form of ``plain``; several that are right are separated by ``|``.
    """
    spelled = re.sub(r"[a-z]+", lambda word: DIGITS.get(word[0], word[0]), text.lower())
    forms = {plain(text), plain(spelled), plain(text).translate(HAN_DIGITS)}
    return any(_whole(form, one) for one in key.split("|") for form in forms)


def _whole(text: str, key: str) -> bool:
    """``key`` is in ``text``, and neither a number nor a repetition goes on beyond it."""
    unit, place = _unit(key), text.find(key)
    while place >= 0:
        before, after = text[:place], text[place + len(key) :]
        number = (before[-1:].isdigit() and key[0].isdigit()) or (after[:1].isdigit() and key[-1].isdigit())
        if not number and not before.endswith(unit) and not after.startswith(unit):
            return True
        place = text.find(key, place + 1)
    return False


def _unit(key: str) -> str:
    """The shortest text that ``key`` repeats: ``no`` of ``nonono``; all of it when it repeats nothing."""
    return next(key[:n] for n in range(1, len(key) + 1) if key == key[:n] * (len(key) // n))


@dataclass
class Understood:
    """Errors of one voice in one language."""

    language: str
    words: Tally = field(default_factory=Tally)  # English words or Han characters
    sounds: Tally = field(default_factory=Tally)  # Mandarin syllables with tones
    heard: list[str] = field(default_factory=list)

    def add(self, text: str, samples: Samples, whisper: Whisper) -> str:
        """One sentence; what was heard."""
        heard = whisper.text(samples, "en" if self.language == "en" else "zh")
        self.heard.append(heard)
        self.words.add(units(text, self.language), units(heard, self.language))
        if self.language != "en":
            self.sounds.add(syllables(text), syllables(heard))
        return heard


def share_right(keys: Sequence[str], heard: Sequence[str]) -> int:
    """How many of the runs were heard as often as they were written."""
    return sum(heard_as(text, key) for text, key in zip(heard, keys, strict=True))
