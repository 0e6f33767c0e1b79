"""The speakers of the embedded voice, and who teaches them."""

import ctypes
import difflib
import subprocess
import tempfile
import wave
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import soxr

from vivace.errors import SettingsError
from vivace.models.chattts.text import word_tokens
from vivace.train.corpus.recording import SAMPLE_RATE, AlignedRecording, Anchor, Samples, Teacher, joined, trimmed
from vivace.train.voice.export import EmbeddedSpeaker
from vivace.types import Word

LIBRARY = "libespeak-ng.so.1"
SYNCHRONOUS, WORD_EVENT, END_OF_LIST = 2, 1, 0  # values of espeak_AUDIO_OUTPUT and espeak_EVENT_TYPE
RATE_PARAMETER, BY_CHARACTER, UTF8 = 1, 1, 1
GAP_S = 0.05  # between two languages in one sentence
VOICES = {"en": "en-us", "zh": "cmn-latn-pinyin"}


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class _Library:
    """The one instance a process may have; not for threads."""

    def __init__(self) -> None:
        try:
            self._lib = ctypes.CDLL(LIBRARY)
        except OSError as exc:
            raise SettingsError(f"{LIBRARY} is not installed: `apt install espeak-ng`") from exc
        self.sample_rate = int(self._lib.espeak_Initialize(SYNCHRONOUS, 0, None, 0))
        self._callback = _CALLBACK(self._collect)  # kept: the library calls it as long as it lives
        self._lib.espeak_SetSynthCallback(self._callback)
        self._chunks: list[Samples] = []
        self._words: list[tuple[float, int]] = []

    def _collect(self, wave: "ctypes._Pointer[ctypes.c_short]", count: int, events: "ctypes._Pointer[_Event]") -> int:
        if wave and count > 0:
            self._chunks.append(np.ctypeslib.as_array(wave, (count,)).astype(np.float32) / np.float32(32768))
        i = 0
        while events[i].type != END_OF_LIST:
            if events[i].type == WORD_EVENT:
                self._words.append((events[i].audio_position / 1000, events[i].text_position - 1))
            i += 1
        return 0

    def say(self, voice: str, text: str, rate: int) -> tuple[Samples, list[tuple[float, int]]]:
        """Samples at ``sample_rate``, and (seconds, character) of every word."""
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            raise SettingsError(f"espeak-ng has no voice {voice!r}; see `espeak-ng --voices`")
        self._lib.espeak_SetParameter(RATE_PARAMETER, rate, 0)
        self._chunks, self._words = [], []
        raw = text.encode() + b"\0"
        self._lib.espeak_Synth(raw, len(raw), 0, BY_CHARACTER, 0, UTF8, None, None)
        samples = np.concatenate(self._chunks) if self._chunks else np.zeros(0, np.float32)
        return samples, self._words


_library: _Library | None = None


def _espeak() -> _Library:
    global _library
    if _library is None:
        _library = _Library()
    return _library


def _runs(words: Sequence[Word]) -> Iterator[tuple[str, list[int]]]:
    """Stretches of one language with the numbers of their words; a mark belongs to the words before it."""
    languages: list[str] = []
    for word in words:
        previous = languages[-1] if languages else "en"
        languages.append(word.kind if word.kind in VOICES else previous)
    for language, group in groupby(range(len(words)), key=lambda i: languages[i]):
        yield language, list(group)


class Espeak:
    """English by spelling, Mandarin by the pinyin of its words, so that tone sandhi is ours."""

    languages: tuple[str, ...] = ("zh", "en")

    def __init__(self, variant: str, rate: int = 165) -> None:
        self._variant, self._rate = variant, rate  # rate in words per minute

    def speak(self, words: Sequence[Word], pace: float = 1.0) -> AlignedRecording | None:
        starts = np.cumsum([0, *(len(word_tokens(word)) for word in words)])
        parts = []
        for language, members in _runs(words):
            part = self._run(language, [words[i] for i in members], [int(starts[i]) for i in members], pace)
            if part is None:
                return None
            parts.append(trimmed(part))
        return joined(parts, GAP_S) if parts else None

    def _run(self, language: str, words: Sequence[Word], starts: Sequence[int], pace: float) -> AlignedRecording | None:
        text, places = "", []
        for word in words:
            text += " " if text and word.kind != "punct" else ""
            places.append(len(text))
            text += "".join(word.phones) if word.kind == "zh" else word.text
        samples, events = _espeak().say(VOICES[language] + self._variant, text, round(self._rate * pace))
        if not len(samples):
            return None
        anchors = []
        for seconds, character in events:
            at = max((i for i, place in enumerate(places) if place <= character), default=0)
            if words[at].kind != "punct":
                anchors.append(Anchor(seconds, starts[at]))
        resampled = soxr.resample(samples, _espeak().sample_rate, SAMPLE_RATE).astype(np.float32)
        return AlignedRecording(resampled, tuple(anchors))


REDUCED = {"ax": "ah"}  # flite's name of the reduced vowel, and the dictionary's


def _spelling(words: Sequence[Word]) -> str:
    text = ""
    for word in words:
        text += (" " if text and word.kind != "punct" else "") + word.text
    return text


class Flite:
    """One of the voices that are compiled into flite: ``slt``, ``rms``, ``awb``, ``kal16``."""

    languages: tuple[str, ...] = ("en",)

    def __init__(self, voice: str) -> None:
        self._voice = voice

    def speak(self, words: Sequence[Word], pace: float = 1.0) -> AlignedRecording | None:
        with tempfile.TemporaryDirectory(prefix="flite-") as folder:
            path = Path(folder) / "speech.wav"
            command = ["flite", "-voice", self._voice, "--setf", f"duration_stretch={1 / pace:.4f}", "-psdur"]
            command += ["-t", _spelling(words), "-o", str(path)]
            try:
                printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            except FileNotFoundError as exc:
                raise SettingsError("flite is not installed: `apt install flite`") from exc
            except subprocess.CalledProcessError:
                return None
            with wave.open(str(path)) as file:
                rate, raw = file.getframerate(), file.readframes(file.getnframes())
        samples = np.frombuffer(raw, np.int16).astype(np.float32) / np.float32(32768)
        if not len(samples):
            return None
        resampled = soxr.resample(samples, rate, SAMPLE_RATE).astype(np.float32)
        tokens = [token for word in words for token in word_tokens(word)]
        return trimmed(AlignedRecording(resampled, phone_anchors(tokens, printed)))


def phone_anchors(tokens: Sequence[str], printed: str) -> tuple[Anchor, ...]:
    """Where our tokens and flite's phones agree, the phone's begin is the token's.

    Args:
        printed: ``phone:end phone:end …`` in seconds.
    """
    segments = [(name, float(end)) for name, _, end in (part.partition(":") for part in printed.split()) if end]
    ours = [token.rstrip("012").lower() if token[0].isalpha() else "pau" for token in tokens]
    theirs = [REDUCED.get(name, name) for name, _ in segments]
    anchors = []
    for block in difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks():
        for offset in range(block.size):
            at = block.b + offset
            anchors.append(Anchor(segments[at - 1][1] if at else 0.0, block.a + offset))
    return tuple(anchors)


EMBEDDED_SPEAKERS = (
    EmbeddedSpeaker(
        "esf", "vivienne", ("zh", "en"), "female", "female, Mandarin and English; taught by espeak-ng (+f2)"
    ),
    EmbeddedSpeaker("esm", "marcel", ("zh", "en"), "male", "male, Mandarin and English; taught by espeak-ng (+Diogo)"),
    EmbeddedSpeaker("slt", "clara", ("en",), "female", "female, US English; taught by flite (CMU slt)"),
    EmbeddedSpeaker("rms", "arthur", ("en",), "male", "male, US English; taught by flite (CMU rms)"),
)


def teachers() -> dict[str, Teacher]:
    """The four that the embedded voice learns from."""
    return {"slt": Flite("slt"), "rms": Flite("rms"), "esm": Espeak("+Diogo"), "esf": Espeak("+f2")}
