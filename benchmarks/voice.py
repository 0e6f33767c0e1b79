"""How well the embedded voice speaks sentences it was never trained on, against the synthesizers that taught it.

    python benchmarks/voice.py [--model FOLDER] [--voices vivienne,marcel] [--limit N] [--json FILE]

English is scored by a recogniser (pocketsphinx): words wrong in Vivace's speech against words wrong in the teacher's
own recording of the same sentences. Both languages are scored by the distance of their mel cepstra to the teacher's,
time warped. Needs ``pip install 'vivace[train,bench]'`` and the programs espeak-ng and flite.
"""

import argparse
import json
import re
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from pocketsphinx import Decoder

from vivace import TTS
from vivace.audio.mel import log_mel
from vivace.models.chattts.dvae import MEL
from vivace.text import phones
from vivace.train.recording import SAMPLE_RATE, Samples, Teacher, levelled
from vivace.train.speakers import EMBEDDED_SPEAKERS, teachers
from vivace.types import SpokenLanguage

HERE = Path(__file__).parent
FLOOR = -7.0  # natural log of mel: what is below is silence to both
CEPSTRA = 13
SHORTEST, LONGEST = 0.6, 1.6  # of the teacher's duration: a speech that ended in time
SEED = 7


class Recogniser:
    """English words of a recording."""

    def __init__(self) -> None:
        self._decoder = Decoder(samprate=16_000, loglevel="FATAL")

    def words(self, samples: Samples) -> list[str]:
        """``[N]`` at 24 kHz."""
        speech = soxr.resample(samples, SAMPLE_RATE, 16_000)
        speech = np.pad(speech, 4800)  # 0.3 s of silence on both sides
        speech *= 0.6 / max(float(np.abs(speech).max()), 1e-4)
        self._decoder.start_utt()
        self._decoder.process_raw((speech * 32767).astype(np.int16).tobytes(), no_search=False, full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        return re.sub(r"\(\d\)", "", found.hypstr).split() if found else []


def edits(wanted: Sequence[str], heard: Sequence[str]) -> int:
    """Fewest words to insert, delete or replace."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(wanted, 1):
        previous, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (word != other))
    return row[-1]


def cepstra(samples: Samples) -> NDArray[np.float32]:
    """``[F / 2, CEPSTRA]``: coefficients 1 to 13 of every second frame."""
    mel = log_mel(torch.from_numpy(np.ascontiguousarray(samples))[None], MEL)[0].T[::2].clamp_min(FLOOR).numpy()
    bins = mel.shape[1]
    order, place = np.arange(1, CEPSTRA + 1)[:, None], np.arange(bins)[None] + 0.5
    basis = np.sqrt(2 / bins) * np.cos(np.pi * order * place / bins)  # DCT-II, orthonormal
    found: NDArray[np.float32] = (mel @ basis.T / np.sqrt(bins / 2)).astype(np.float32)
    return found


def mel_cepstral_distance(a: Samples, b: Samples) -> float:
    """Mean distance along the best time alignment, in the usual decibel-like unit."""
    x, y = cepstra(a), cepstra(b)
    cost = np.sqrt(np.square(x[:, None] - y[None]).sum(-1)).tolist()
    inf = float("inf")
    best = [(0.0, 0)] + [(inf, 0)] * len(y)  # total, steps
    for i in range(len(x)):
        row = [(inf, 0)]
        for j in range(len(y)):
            total, steps = min(best[j], best[j + 1], row[j])
            row.append((total + cost[i][j], steps + 1))
        best = row
    total, steps = best[-1]
    return float(10 / np.log(10) * np.sqrt(2) * total / steps)


@dataclass
class Score:
    """What one voice did in one language."""

    voice: str
    language: SpokenLanguage
    sentences: int = 0
    words: int = 0
    teacher_errors: int = 0
    errors: int = 0
    distances: list[float] = field(default_factory=list)
    in_time: int = 0
    audio_s: float = 0.0
    work_s: float = 0.0  # wall clock
    cpu_s: float = 0.0  # of all threads: what the machine did, however busy it was with other things

    def row(self) -> dict[str, str | float | None]:
        english = self.language == "en"
        teacher = self.teacher_errors / max(self.words, 1)
        own = self.errors / max(self.words, 1)
        return {
            "voice": self.voice,
            "language": self.language,
            "sentences": self.sentences,
            "wer_teacher": round(teacher, 4) if english else None,
            "wer": round(own, 4) if english else None,
            "wer_ratio": round(own / teacher, 2) if english and teacher else None,
            "mcd": round(float(np.mean(self.distances)), 2),
            "in_time": self.in_time,
            "rtf": round(self.work_s / self.audio_s, 3) if self.audio_s else None,
            "cpu_rtf": round(self.cpu_s / self.audio_s, 3) if self.audio_s else None,
        }


def score(tts: TTS, voice: str, teacher: Teacher, language: SpokenLanguage, texts: Sequence[str]) -> Score:
    """Speak ``texts`` with both and compare."""
    result, recogniser = Score(voice, language), Recogniser()
    for text in texts:
        words = phones(text, language)
        recording = teacher.speak(words)
        if recording is None:
            raise SystemExit(f"the teacher of {voice} says nothing to {text!r}; check its installation")
        wanted = levelled(recording.samples)
        began = time.process_time()
        speech = tts.synthesize(text, voice=voice, language=language, seed=SEED)
        result.cpu_s += time.process_time() - began
        result.sentences += 1
        result.audio_s += speech.duration
        result.work_s += speech.stats.elapsed_s
        ratio = speech.duration / recording.seconds
        result.in_time += speech.stats.stopped and SHORTEST <= ratio <= LONGEST
        result.distances.append(mel_cepstral_distance(speech.samples, wanted))
        if language == "en":
            spoken = [w.text.lower() for w in words if w.kind == "en"]
            result.words += len(spoken)
            result.teacher_errors += edits(spoken, recogniser.words(wanted))
            result.errors += edits(spoken, recogniser.words(speech.samples))
    return result


def print_table(rows: Sequence[dict[str, str | float | None]]) -> None:
    """Columns as wide as what is in them."""
    names = list(rows[0])
    cells = [names, *([("-" if row[n] is None else str(row[n])) for n in names] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    for line in cells:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description="Score the embedded voice against its teachers.")
    parser.add_argument("--model", help="a checkpoint folder; default: the embedded one")
    parser.add_argument("--voices", help="comma-separated; default: all four")
    parser.add_argument("--limit", type=int, help="sentences per language; default: all 50")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="also write the result line to this file")
    args = parser.parse_args()
    for program in ("espeak-ng", "flite"):
        if shutil.which(program) is None:
            sys.exit(f"{program} is not on the PATH; it speaks the recordings to compare with: `apt install {program}`")
    torch.set_num_threads(args.threads)
    taught = teachers()
    chosen = args.voices.split(",") if args.voices else [speaker.name for speaker in EMBEDDED_SPEAKERS]
    rows = []
    with TTS(args.model) as tts:
        for speaker in (s for s in EMBEDDED_SPEAKERS if s.name in chosen):
            for language in ("en", "zh"):
                if language in speaker.languages:
                    texts = (HERE / f"voice_sentences_{language}.txt").read_text(encoding="utf-8").splitlines()
                    found = score(tts, speaker.name, taught[speaker.teacher], language, texts[: args.limit])
                    rows.append(found.row())
                    print(json.dumps(rows[-1]), file=sys.stderr, flush=True)  # it takes minutes: show what is known
    print_table(rows)
    line = json.dumps({"benchmark": "voice", "seed": SEED, "threads": args.threads, "rows": rows})
    print(line)
    if args.json:
        args.json.write_text(line + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
