"""How often the check of speech is wrong, by a foreign ear: every piece is spoken once and heard by Whisper.

    python -m vivace.train.judges fetch JUDGES
    python benchmarks/voice_check.py JUDGES SENTENCES.txt --language en [--voices vivienne,marcel] [--details FILE]

A *false alarm* is a speech that the check calls wrong and of which Whisper hears every word, a *miss* one that it
passes and of which Whisper hears a word less, or one twice. Where Whisper understands too little to tell, the speech is
counted apart (``unclear``). What Whisper does not hear may have been spoken: misses are an upper bound.
"""

import argparse
import json
from collections import Counter
from pathlib import Path

import torch

from vivace import TTS, TTSConfig
from vivace.train.judges import JudgeParts, Whisper, completeness, syllables, units

SEED = 7


def main() -> None:
    parser = argparse.ArgumentParser(description="False alarms and misses of the check of speech, heard by Whisper.")
    parser.add_argument("judges", type=Path)
    parser.add_argument("sentences", type=Path, help="one a line, short enough to be one piece")
    parser.add_argument("--language", default="en", choices=("en", "zh"))
    parser.add_argument("--voices", default="vivienne,marcel")
    parser.add_argument("--model", help="a checkpoint folder; default: the embedded one")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--details", type=Path, help="a file for every speech, one JSON object a line")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    texts = [line for line in args.sentences.read_text(encoding="utf-8").splitlines() if line.strip()]
    whisper = Whisper(JudgeParts(args.judges), args.threads)
    compare = syllables if args.language == "zh" else (lambda text: units(text, "en"))
    table: Counter[tuple[str, str, str]] = Counter()
    with TTS(args.model, config=TTSConfig.load(check={"retries": 0})) as tts:
        for voice in args.voices.split(","):
            for text in texts:
                speech = tts.synthesize(text, voice=voice, language=args.language, seed=args.seed)
                fault = speech.stats.faults[0].fault if speech.stats.faults else "passed"
                heard = whisper.text(speech.samples, args.language)
                found = completeness(compare(text), compare(heard))
                table[voice, fault, found] += 1
                if args.details:
                    row = {"voice": voice, "text": text, "heard": heard, "check": fault, "whisper": found}
                    with args.details.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(row, ensure_ascii=False) + "\n")
    for voice in args.voices.split(","):
        counts = {(check, found): n for (v, check, found), n in sorted(table.items()) if v == voice}
        row = {
            "voice": voice,
            "language": args.language,
            "speeches": sum(counts.values()),
            "false_alarms": sum(n for (check, found), n in counts.items() if check != "passed" and found == "whole"),
            "misses": sum(
                n for (check, found), n in counts.items() if check == "passed" and found in ("less", "twice")
            ),
            "unclear": sum(n for (_, found), n in counts.items() if found == "unclear"),
            "all": {f"{check} {found}": n for (check, found), n in counts.items()},
        }
        print(json.dumps(row))


if __name__ == "__main__":
    main()
