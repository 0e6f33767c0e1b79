"""All judges over one voice: what is understood, how clean it sounds, whether both languages are of one speaker."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vivace.train.corpus.recording import Samples
from vivace.train.judges.packages import JudgeParts
from vivace.train.judges.quality import Dnsmos
from vivace.train.judges.speaker import SpeakerEncoder, halves, similarity
from vivace.train.judges.whisper import Understood, Whisper, share_right

JudgedRow = dict[str, str | float | None]
Say = Callable[[str, str], Samples]  # text and language to [N] at 24 kHz
KINDS = {"en": "en", "zh": "zh", "mixed": "mixed", "numbers_en": "en", "numbers_zh": "zh"}  # list -> language


@dataclass(frozen=True)
class Sentences:
    """Sentences of one kind; of the numbers' lists also what must be heard of each."""

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
        """What is wrong in ``speeches`` of ``sentences``, in the same order, and how they sound."""
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
