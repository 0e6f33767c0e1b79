"""How well the embedded voice speaks sentences it was never trained on, against the synthesizers that taught it.

    python benchmarks/voice.py [--model FOLDER] [--voices vivienne,marcel] [--recognizer FILE] [--page FOLDER] …
    python -m vivace.train.judges fetch FOLDER && python benchmarks/voice.py --judges FOLDER      # also foreign judges

What the figures mean stands in ``README.md`` beside this file. Phones and tones need a recognizer trained by the
recipe (``vivace train recognizer``). Needs ``pip install 'vivace[train,bench]'`` and the programs espeak-ng
and flite.
"""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

import numpy as np
import torch

from vivace import TTS, TTSConfig
from vivace.text import phones
from vivace.train.corpus.prosody import synthesize
from vivace.train.corpus.recording import Samples
from vivace.train.corpus.speakers import EMBEDDED_SPEAKERS, teachers
from vivace.train.evaluation.hearing import WordRecognizer
from vivace.train.evaluation.score import Exhibit, Judges, Row, Score, SpokenSentence, manner, write_page
from vivace.train.judges import JudgedRow, JudgeParts, Panel, Sentences, read_sentences
from vivace.train.recognizer import load_recognizer
from vivace.train.voice.export import EmbeddedSpeaker
from vivace.types import SpokenLanguage

HERE = Path(__file__).parent
SEED = 7
SHOWN = 10  # sentences per voice on the page
TAGGED = 6  # sentences per voice for the tags


class Bench:
    """One model, one set of judges, and the teachers."""

    def __init__(self, tts: TTS, judges: Judges, options: dict[str, float]) -> None:
        self._tts, self._judges, self._options = tts, judges, options
        self._teachers = teachers()
        self.exhibits: list[Exhibit] = []

    def say(self, text: str, voice: str, language: SpokenLanguage) -> SpokenSentence:
        began = time.process_time()
        speech = self._tts.synthesize(text, voice=voice, language=language, seed=SEED, **self._options)  # type: ignore[arg-type]
        stats, worked = speech.stats, time.process_time() - began
        return SpokenSentence(speech.samples, stats.stopped, stats.elapsed_s, worked, stats.retries)

    def score(self, voice: str, teacher: str, language: SpokenLanguage, texts: Sequence[str]) -> Score:
        """Speak ``texts`` with both and compare."""
        result = Score(voice, language)
        for number, text in enumerate(texts):
            words = phones(text, language)
            recording = synthesize(self._teachers[teacher], words)
            if recording is None:
                sys.exit(f"the teacher of {voice} says nothing to {text!r}; check its installation")
            own = self.say(text, voice, language)
            result.add(text, words, own, recording, self._judges)
            if number % max(1, len(texts) // SHOWN) == 0:
                self.exhibits.append(Exhibit(voice, language, text, own.samples, recording.samples))
        return result

    def manner(self, voice: str, language: SpokenLanguage, texts: Sequence[str]) -> Row:
        """What the control tags do."""

        def stream(text: str) -> Iterator[Samples]:
            chunks = self._tts.stream(text, voice=voice, language=language, seed=SEED)
            for _, piece in groupby(chunks, key=lambda chunk: chunk.text):  # a piece may come in several chunks
                yield np.concatenate([chunk.samples for chunk in piece])

        return manner(voice, language, lambda text: self.say(text, voice, language).samples, stream, texts)


def judged(bench: Bench, panel: Panel, speaker: EmbeddedSpeaker, lists: Sequence[Sentences]) -> list[JudgedRow]:
    """What the foreign judges find of a voice, list by list, and whether its languages are of one speaker."""
    rows: list[JudgedRow] = []
    spoken: dict[str, list[Samples]] = {}
    for listed in lists:
        language: SpokenLanguage = "en" if listed.language == "en" else "zh"
        if language in speaker.languages:
            spoken[listed.kind] = [bench.say(text, speaker.name, language).samples for text in listed.texts]
            rows.append(panel.row(speaker.name, listed, spoken[listed.kind]))
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    if "en" in spoken and "zh" in spoken:
        rows.append({"voice": speaker.name, "list": "timbre", **panel.timbre(spoken["en"], spoken["zh"])})
    return rows


def judged_lists(name: str, languages: Sequence[str], limit: int | None) -> list[Sentences]:
    """The committed lists: ``sentences`` has more kinds than ``development``, which settings are chosen on."""
    files = {language: f"voice_{name}_{language}.txt" for language in languages}
    if name == "sentences":
        files |= {f"numbers_{language}": f"voice_numbers_{language}.txt" for language in languages}
    files |= {"mixed": "voice_mixed.txt" if name == "sentences" else "voice_development_mixed.txt"}
    return [read_sentences(HERE / file, kind, limit) for kind, file in files.items()]


def sentences(name: str, language: str, limit: int | None) -> list[str]:
    """The committed list."""
    return (HERE / f"voice_{name}_{language}.txt").read_text(encoding="utf-8").splitlines()[:limit]


def print_table(rows: Sequence[Row]) -> None:
    """A line per figure, a column per voice."""
    for name in rows[0]:
        print(f"{name:>16}", *(f"{'-' if row[name] is None else row[name]!s:>10}" for row in rows))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Score the embedded voice against its teachers.")
    parser.add_argument("--model", help="a checkpoint folder; default: the embedded one")
    parser.add_argument("--voices", help="comma-separated; default: all four")
    parser.add_argument("--languages", default="en,zh")
    parser.add_argument("--list", default="sentences", choices=("sentences", "development"))
    parser.add_argument("--limit", type=int, help="sentences per language; default: all")
    parser.add_argument("--recognizer", "--recogniser", type=Path, help="state file of the phone recognizer")
    parser.add_argument("--judges", type=Path, help="folder of the judges: Whisper, DNSMOS, speaker")
    parser.add_argument("--only-judges", action="store_true", help="no comparison with the teachers")
    parser.add_argument("--tags", action="store_true", help="also speeds, pauses and joins")
    parser.add_argument("--page", type=Path, help="a folder for a page with spectrograms and audio")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", default="auto", help="of the language model: float32, bfloat16, int8, int4")
    parser.add_argument("--temperature", type=float)
    parser.add_argument("--top-p", type=float)
    parser.add_argument("--top-k", type=int)
    parser.add_argument(
        "--details", type=Path, help="a file for what was heard of every sentence, one JSON object a line"
    )
    parser.add_argument("--json", type=Path, help="also write the result line to this file")
    args = parser.parse_args()
    if args.only_judges and not args.judges:
        parser.error("--only-judges needs --judges FOLDER: `python -m vivace.train.judges fetch FOLDER`")
    return args


def main() -> None:
    args = arguments()
    for program in () if args.only_judges else ("espeak-ng", "flite"):
        if shutil.which(program) is None:
            sys.exit(f"{program} is not on the PATH; it speaks the recordings to compare with: `apt install {program}`")
    torch.set_num_threads(args.threads)
    chosen = args.voices.split(",") if args.voices else [speaker.name for speaker in EMBEDDED_SPEAKERS]
    asked = {"temperature": args.temperature, "top_p": args.top_p, "top_k": args.top_k}
    judges = Judges(WordRecognizer(), load_recognizer(args.recognizer) if args.recognizer else None)
    rows: list[Row] = []
    tagged: list[Row] = []
    heard: list[JudgedRow] = []
    details: list[dict[str, object]] = []
    with TTS(args.model, config=TTSConfig.load(precision=args.precision)) as tts:
        bench = Bench(tts, judges, {name: value for name, value in asked.items() if value is not None})
        panel = Panel(JudgeParts(args.judges), args.threads) if args.judges else None
        for speaker in (s for s in EMBEDDED_SPEAKERS if s.name in chosen):
            if panel is not None:
                heard += judged(bench, panel, speaker, judged_lists(args.list, args.languages.split(","), args.limit))
            if args.only_judges:
                continue
            for language in ("en", "zh"):
                if language not in speaker.languages or language not in args.languages.split(","):
                    continue
                texts = sentences(args.list, language, args.limit)
                score = bench.score(speaker.name, speaker.teacher, language, texts)
                rows.append(score.row())
                details += [{"voice": speaker.name, "language": language, **asdict(f)} for f in score.findings]
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)  # it takes minutes: show what is known
                if args.tags:
                    tagged.append(bench.manner(speaker.name, language, texts[:TAGGED]))
                    print(json.dumps(tagged[-1]), file=sys.stderr, flush=True)
    for table in (rows, tagged):
        if table:
            print_table(table)
    for row in heard:
        print(json.dumps(row))
    if args.details:
        args.details.write_text("".join(json.dumps(d, ensure_ascii=False) + "\n" for d in details), encoding="utf-8")
    if args.page:
        write_page(args.page, bench.exhibits, rows)
    line = json.dumps(
        {"benchmark": "voice", "seed": SEED, "threads": args.threads, "rows": rows, "tags": tagged, "heard": heard}
    )
    print(line)
    if args.json:
        args.json.write_text(line + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
