"""Kokoro speaks words whose phones are known, and tells when it speaks which token."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from vivace.errors import InputError, SettingsError
from vivace.train.corpus.pitch import RISE_S
from vivace.train.corpus.prosody import RISES
from vivace.train.corpus.recording import SAMPLE_RATE, Anchor, Recording, with_edges
from vivace.train.kokoro.graph import AUDIO, DECODED, PLAN, PLANNED, Floats, VocoderWeights, cut, load
from vivace.train.kokoro.letters import Letters, write_letters
from vivace.train.kokoro.packages import Parts
from vivace.train.kokoro.vocoder import Vocoder
from vivace.types import Word

if TYPE_CHECKING:
    import onnx

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
class Spoken:
    """Samples ``[N]`` and the frames of each letter, those of the silence before and behind included ``[L + 2]``."""

    samples: Floats
    durations: tuple[int, ...]


class Speech(Protocol):
    """What makes samples of numbered letters. ``rise``: semitones that the end is to be above the middle pitch."""

    def __call__(self, tokens: Sequence[int], style: Floats, pace: float, rise: float | None = None) -> Spoken: ...


class OnnxSpeech:
    """The graph in ONNX Runtime, in eight bits as it is in the package: for any processor."""

    def __init__(self, model: bytes, threads: int) -> None:
        graph = load(model)
        self._plan, self._rest = _session(cut(graph, PLAN), threads), _session(cut(graph, AUDIO, PLANNED), threads)

    def __call__(self, tokens: Sequence[int], style: Floats, pace: float, rise: float | None = None) -> Spoken:
        durations, planned = _planned(self._plan, tokens, style, pace, rise)
        samples = np.asarray(self._rest.run(["audio"], planned)[0], np.float32).reshape(-1)
        lead, tail = _spare(durations)
        return _trimmed(samples[lead * FRAME : len(samples) - tail * FRAME], durations, lead, tail)


class Bfloat16Speech:
    """The graph up to the vocoder in ONNX Runtime, the vocoder in PyTorch with bfloat16 products.

    Silence that would be cut off is not made: the vocoder begins ``LEAD`` frames before the first letter.
    """

    def __init__(self, model: bytes, threads: int, *, fused: bool = True) -> None:
        graph = load(model)
        self._plan, self._decode = _session(cut(graph, PLAN), threads), _session(cut(graph, DECODED, PLANNED), threads)
        self._vocoder = Vocoder(VocoderWeights(graph), fused=fused)

    def __call__(self, tokens: Sequence[int], style: Floats, pace: float, rise: float | None = None) -> Spoken:
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


def _trimmed(samples: Floats, durations: NDArray[np.int64], lead: int, tail: int) -> Spoken:
    return Spoken(samples, (int(durations[0]) - lead, *map(int, durations[1:-1]), int(durations[-1]) - tail))


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

    def __init__(self, parts: Parts, mix: str, speech: Speech) -> None:
        self._styles, self._speech = Voices(parts)(mix), speech
        self._numbers: dict[str, int] = json.loads(parts.alphabet.read_text(encoding="utf-8"))["vocab"]

    def speak(self, words: Sequence[Word], pace: float = 1.0) -> Recording | None:
        """None when there is nothing to say or too much for one breath.

        Raises:
            ValueError: a word has no letters (a language that Kokoro does not speak).
        """
        letters = write_letters(words)
        if not letters.text or len(letters.text) > LONGEST:
            return None
        numbers = [self._numbers[letter] for letter in letters.text]
        spoken = self._speech(numbers, self._styles[len(numbers) - 1][None], pace, rise_of(words))
        return with_edges(Recording(spoken.samples, anchors_of(letters, spoken.durations)), EDGE_S, EDGE_S)


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


def load_speech(parts: Parts, engine: Engine = "auto", *, threads: int = 1) -> Speech:
    """What makes samples on this machine. Raises: WeightsError when parts are missing or changed."""
    if engine == "bfloat16" or (engine == "auto" and has_bfloat16_products()):
        return Bfloat16Speech(parts.model(), threads)
    return OnnxSpeech(parts.model(), threads)
