"""``python -m vivace.train STAGE``: corpus, dvae, codes, voice, vocos, mels, recogniser, export.

The recipe says in which order and how long.
"""

import argparse
import logging
from pathlib import Path

import torch
from platformdirs import user_cache_path

from vivace.layers.native.kernels import activate
from vivace.train.corpus.build import EMBEDDED_PLAN, build_corpus, draw_lines
from vivace.train.corpus.dataset import Corpus, hours
from vivace.train.corpus.speakers import EMBEDDED_SPEAKERS, teachers
from vivace.train.distributed import Peers
from vivace.train.preset import MEL_FLOOR, PRESETS
from vivace.train.recognizer.stage import RecogniserOptions, train_recogniser
from vivace.train.schedule import Budget
from vivace.train.state import load_weights
from vivace.train.voice.average_weights import blend
from vivace.train.voice.decoder_mels import write_predicted_mels
from vivace.train.voice.durations import fit_durations
from vivace.train.voice.dvae import DVAEOptions, build_dvae, encode_corpus, train_dvae
from vivace.train.voice.export import export
from vivace.train.voice.model import VoiceModel
from vivace.train.voice.stage import VoiceOptions, train_voice
from vivace.train.voice.vocos import VocosOptions, build_vocos, train_vocos

log = logging.getLogger("vivace.train")


def _lines(paths: list[Path]) -> list[str]:
    return [line.strip() for path in paths for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def corpus(args: argparse.Namespace) -> None:
    plan = EMBEDDED_PLAN.only(args.kinds) if args.kinds else EMBEDDED_PLAN
    lines = draw_lines(plan, args.count, args.seed, written=_lines(args.sentences), forbidden=_lines(args.forbid))
    made = build_corpus(args.corpus, lines, teachers(), plan, processes=args.processes)
    log.info("%d utterances, %.1f hours", made, hours(Corpus(args.corpus).utterances))


def dvae(args: argparse.Namespace) -> None:
    budget = Budget(args.rate or 1.5e-3, steps=args.steps, minutes=args.minutes)
    train_dvae(Corpus(args.corpus), PRESETS[args.preset], args.out, DVAEOptions(budget, seed=args.seed))


def codes(args: argparse.Namespace) -> None:
    model = build_dvae(PRESETS[args.preset], args.regime)
    load_weights(args.dvae, model)
    log.info("mel difference through the codes %.4f", encode_corpus(Corpus(args.corpus), model, floor=args.floor))


def voice(args: argparse.Namespace) -> None:
    if args.vocoder and not args.listeners:
        raise SystemExit("--vocoder: nobody would hear it; name --listeners, too, or leave it out")
    peers = Peers(args.peer, args.peers, args.port)
    peers.join()
    budget = Budget(args.rate or 1.2e-3, steps=args.steps, minutes=args.minutes)
    if args.listeners:
        activate(user_cache_path("vivace") / "native")  # it speaks in the form that users hear
    options = VoiceOptions(
        budget,
        sampled=args.sampled,
        listeners=tuple(args.listeners),
        vocoder=args.vocoder,
        twice=tuple(args.twice),
        accumulate=args.accumulate,
        seed=args.seed,
    )
    train_voice(Corpus(args.corpus), PRESETS[args.preset], args.out, options, init=args.init, peers=peers)
    peers.leave()


def vocos(args: argparse.Namespace) -> None:
    budget = Budget(args.rate or 1e-3, steps=args.steps, minutes=args.minutes)
    options = VocosOptions(budget, seed=args.seed)
    train_vocos(Corpus(args.corpus), PRESETS[args.preset], args.out, options, init=args.init)


def mels(args: argparse.Namespace) -> None:
    model = VoiceModel(PRESETS[args.preset])
    load_weights(args.voice, model)
    made = write_predicted_mels(Corpus(args.corpus), model, args.out, count=args.count, seed=args.seed)
    log.info("%s: %d utterances", args.out, made)


def recogniser(args: argparse.Namespace) -> None:
    budget = Budget(args.rate or 2e-3, steps=args.steps, minutes=args.minutes)
    train_recogniser(Corpus(args.corpus), args.out, RecogniserOptions(budget, seed=args.seed))


def checkpoint(args: argparse.Namespace) -> None:
    preset = PRESETS[args.preset]
    model, vocoder = VoiceModel(preset), build_vocos(preset)
    load_weights(args.voice, model)
    if args.blend:
        blend(args.blend, model, args.share)
    load_weights(args.vocos, vocoder)
    export(args.out, model, vocoder, EMBEDDED_SPEAKERS, gain=args.gain)
    log.info("%s: %d bytes", args.out, sum(p.stat().st_size for p in args.out.rglob("*") if p.is_file()))


def durations(args: argparse.Namespace) -> None:
    found = fit_durations(Corpus(args.corpus).part("train"))
    found.write(args.checkpoint / "asset")
    log.info("durations of %d tokens", int((found.frames > 0).sum()))


def parser() -> argparse.ArgumentParser:
    """One subcommand a stage."""
    top = argparse.ArgumentParser(prog="python -m vivace.train", description="Train a voice from synthesizers.")
    stages = top.add_subparsers(required=True, metavar="STAGE")

    def stage(name: str, run: object, help_: str) -> argparse.ArgumentParser:
        sub = stages.add_parser(name, help=help_)
        sub.set_defaults(run=run)
        sub.add_argument("--preset", default="embedded", choices=sorted(PRESETS))
        sub.add_argument("--seed", type=int, default=0)
        return sub

    def trained(sub: argparse.ArgumentParser, *, init: bool = True) -> None:
        sub.add_argument("corpus", type=Path)
        sub.add_argument("out", type=Path, help="the state file; an interrupted run is taken up again")
        sub.add_argument("--steps", type=int)
        sub.add_argument("--minutes", type=float)
        sub.add_argument("--rate", type=float, help="peak learning rate")
        if init:
            sub.add_argument("--init", type=Path, help="a state file to start from")

    made = stage("corpus", corpus, "sentences, recordings, mels, alignments")
    made.add_argument("corpus", type=Path)
    made.add_argument("--count", type=int, default=26_000, help="utterances")
    made.add_argument("--sentences", type=Path, nargs="*", default=[], help="English sentences, one a line")
    made.add_argument("--forbid", type=Path, nargs="*", default=[], help="sentences the corpus may not have")
    kinds = sorted({share.kind for share in EMBEDDED_PLAN.shares})
    made.add_argument("--kinds", nargs="*", choices=kinds, default=[], help="of sentences; all by default")
    made.add_argument("--processes", type=int, default=2)
    trained(stage("dvae", dvae, "mels to codes and back"), init=False)
    coded = stage("codes", codes, "the codes of the corpus")
    coded.add_argument("corpus", type=Path)
    coded.add_argument("dvae", type=Path)
    coded.add_argument("--regime", default="a", choices=("a", "b", "c"), help="the quantiser's arithmetic")
    coded.add_argument("--floor", type=float, default=MEL_FLOOR, help="of the mels that the DVAE was trained on")
    spoken = stage("voice", voice, "language model and Decoder")
    trained(spoken)
    spoken.add_argument("--sampled", type=float, default=0.6, help="most of a row that scheduled sampling replaces")
    spoken.add_argument(
        "--listeners", type=Path, nargs="*", default=[], help="recognisers that hear the model's own speech, as a loss"
    )
    spoken.add_argument("--vocoder", type=Path, help="a vocoder through which they hear half of it")
    spoken.add_argument("--twice", nargs="*", default=[], help="speakers whose utterances come twice an epoch")
    spoken.add_argument("--accumulate", type=int, default=1, help="batches whose gradients make one step")
    spoken.add_argument("--peers", type=int, default=1, help="processes; start each with its own --peer")
    spoken.add_argument("--peer", type=int, default=0)
    spoken.add_argument("--port", type=int, default=29_511)
    trained(stage("vocos", vocos, "the vocoder"))
    predicted = stage("mels", mels, "what the Decoder says of recordings, for `vivace train vocoder`")
    predicted.add_argument("corpus", type=Path)
    predicted.add_argument("voice", type=Path)
    predicted.add_argument("out", type=Path)
    predicted.add_argument("--count", type=int, default=2000, help="utterances")
    trained(stage("recogniser", recogniser, "what the benchmark hears phones and tones with"), init=False)
    timed = stage("durations", durations, "how long phones take, into a checkpoint folder")
    timed.add_argument("corpus", type=Path)
    timed.add_argument("checkpoint", type=Path)

    exported = stage("export", checkpoint, "a checkpoint folder")
    exported.add_argument("voice", type=Path)
    exported.add_argument("vocos", type=Path)
    exported.add_argument("out", type=Path)
    exported.add_argument("--blend", type=Path, help="the state before a tuning, to average with")
    exported.add_argument("--share", type=float, default=0.75, help="of the tuned weights in that average")
    exported.add_argument("--gain", type=float, default=1.4, help="how much louder the voice speaks than its corpus")
    return top


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)
    args = parser().parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
