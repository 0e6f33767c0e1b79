"""``vivace train``: one command for each stage. Torch is imported when a stage runs, so that help is quick.

The recipe ``recipes/embedded_voice`` has the order of the stages, their seeds and how long they take.
"""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vivace.errors import InputError

if TYPE_CHECKING:
    from vivace.train.run import Budget

log = logging.getLogger("vivace.train")

app = typer.Typer(help="Train a voice or a vocoder of your own.", rich_markup_mode=None, no_args_is_help=True)

Preset = Annotated[Literal["embedded", "toy"], typer.Option(help="Sizes of the networks.")]
Seed = Annotated[int, typer.Option(help="Random seed.")]
CorpusFolder = Annotated[Path, typer.Argument(metavar="CORPUS", help="The folder that `corpus` made.")]
Out = Annotated[Path, typer.Argument(metavar="OUT", help="The state file; an interrupted run resumes from it.")]
Steps = Annotated[int | None, typer.Option(help="Number of steps to train.")]
Minutes = Annotated[float | None, typer.Option(help="Minutes to train.")]
Rate = Annotated[float | None, typer.Option(help="Peak learning rate.")]
Init = Annotated[Path | None, typer.Option(help="A state file to start from.")]


@app.callback()
def root() -> None:
    """Train a voice or a vocoder of your own."""


def begin() -> None:
    """One thread: on CPUs two processes of one thread are faster than one process of two."""
    import torch

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)


def _budget(default_rate: float, rate: float | None, steps: int | None, minutes: float | None) -> "Budget":
    from vivace.train.run import Budget

    return Budget(rate or default_rate, steps=steps, minutes=minutes)


def _lines(paths: list[Path]) -> list[str]:
    return [line.strip() for path in paths for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


@app.command()
def corpus(
    folder: Annotated[Path, typer.Argument(metavar="CORPUS", help="The folder to write.")],
    count: Annotated[int, typer.Option(help="Number of utterances.")] = 26_000,
    sentences: Annotated[list[Path] | None, typer.Option(help="English sentences, one a line; repeatable.")] = None,
    forbid: Annotated[
        list[Path] | None, typer.Option(help="Sentences that the corpus must not contain, one a line; repeatable.")
    ] = None,
    kind: Annotated[list[str] | None, typer.Option(help="Kind of sentences; repeatable; all by default.")] = None,
    processes: Annotated[int, typer.Option(help="Number of processes.")] = 2,
    seed: Seed = 0,
    preset: Preset = "embedded",
) -> None:
    """Write sentences, have the teachers speak them, compute mels and alignments."""
    from vivace.train.corpus.build import EMBEDDED_PLAN, build_corpus, draw_lines
    from vivace.train.corpus.dataset import Corpus, hours
    from vivace.train.corpus.speakers import teachers

    begin()
    kinds = sorted({share.kind for share in EMBEDDED_PLAN.shares})
    for name in kind or ():
        if name not in kinds:
            raise InputError(f"--kind {name!r} is not known; use {', '.join(kinds)}")
    plan = EMBEDDED_PLAN.only(kind) if kind else EMBEDDED_PLAN
    lines = draw_lines(plan, count, seed, written=_lines(sentences or []), forbidden=_lines(forbid or []))
    made = build_corpus(folder, lines, teachers(), plan, processes=processes)
    log.info("%d utterances, %.1f hours", made, hours(Corpus(folder).utterances))


@app.command()
def dvae(
    corpus: CorpusFolder,
    out: Out,
    steps: Steps = None,
    minutes: Minutes = None,
    rate: Rate = None,
    seed: Seed = 0,
    preset: Preset = "embedded",
) -> None:
    """Train the DVAE: mels to codes and back."""
    from vivace.train.corpus.dataset import Corpus
    from vivace.train.preset import PRESETS
    from vivace.train.voice.dvae import DVAEOptions, train_dvae

    begin()
    train_dvae(Corpus(corpus), PRESETS[preset], out, DVAEOptions(_budget(1.5e-3, rate, steps, minutes), seed=seed))


@app.command()
def codes(
    corpus: CorpusFolder,
    dvae: Annotated[Path, typer.Argument(metavar="DVAE", help="The state file of `dvae`.")],
    variant: Annotated[Literal["a", "b", "c"], typer.Option(help="Arithmetic variant of the quantizer.")] = "a",
    floor: Annotated[float | None, typer.Option(help="Smallest mel value that the DVAE was trained on.")] = None,
    seed: Seed = 0,
    preset: Preset = "embedded",
) -> None:
    """Compute the codes of the corpus."""
    from vivace.train.corpus.dataset import Corpus
    from vivace.train.preset import MEL_FLOOR, PRESETS
    from vivace.train.run import load_weights
    from vivace.train.voice.dvae import build_dvae, encode_corpus

    begin()
    model = build_dvae(PRESETS[preset], variant)
    load_weights(dvae, model)
    lowest = MEL_FLOOR if floor is None else floor
    log.info("mel difference through the codes %.4f", encode_corpus(Corpus(corpus), model, floor=lowest))


@app.command()
def voice(
    corpus: CorpusFolder,
    out: Out,
    steps: Steps = None,
    minutes: Minutes = None,
    rate: Rate = None,
    init: Init = None,
    sampled: Annotated[float, typer.Option(help="Largest share of a row that scheduled sampling replaces.")] = 0.6,
    listener: Annotated[
        list[Path] | None, typer.Option(help="Recognizer for the loss on the model's own speech; repeatable.")
    ] = None,
    vocoder: Annotated[Path | None, typer.Option(help="Vocoder through which half of that speech goes.")] = None,
    oversample: Annotated[
        list[str] | None, typer.Option(help="EmbeddedSpeaker whose utterances come twice an epoch; repeatable.")
    ] = None,
    accumulate: Annotated[int, typer.Option(help="Batches whose gradients make one step.")] = 1,
    peers: Annotated[int, typer.Option(help="Number of processes; start each with its own --peer.")] = 1,
    peer: Annotated[int, typer.Option(help="Rank of this process, from 0.")] = 0,
    port: Annotated[int, typer.Option(help="Port on which the processes meet.")] = 29_511,
    seed: Seed = 0,
    preset: Preset = "embedded",
) -> None:
    """Train the language model and the Decoder."""
    from platformdirs import user_cache_path

    from vivace.layers.native.kernels import activate
    from vivace.train.corpus.dataset import Corpus
    from vivace.train.preset import PRESETS
    from vivace.train.run import ProcessGroup
    from vivace.train.voice.stage import VoiceOptions, train_voice

    if vocoder and not listener:
        raise InputError("--vocoder has no effect without --listener; add a recognizer, or leave it out")
    begin()
    group = ProcessGroup(peer, peers, port)
    group.start()
    if listener:
        activate(user_cache_path("vivace") / "native")  # the model's own speech is generated as users hear it
    options = VoiceOptions(
        _budget(1.2e-3, rate, steps, minutes),
        sampled=sampled,
        listeners=tuple(listener or ()),
        vocoder=vocoder,
        oversample=tuple(oversample or ()),
        accumulate=accumulate,
        seed=seed,
    )
    train_voice(Corpus(corpus), PRESETS[preset], out, options, init=init, peers=group)
    group.stop()


@app.command()
def vocos(
    corpus: CorpusFolder,
    out: Out,
    steps: Steps = None,
    minutes: Minutes = None,
    rate: Rate = None,
    init: Init = None,
    seed: Seed = 0,
    preset: Preset = "embedded",
) -> None:
    """Train the embedded voice's vocoder on the corpus."""
    from vivace.train.corpus.dataset import Corpus
    from vivace.train.preset import PRESETS
    from vivace.train.voice.vocos import VocosOptions, train_vocos

    begin()
    options = VocosOptions(_budget(1e-3, rate, steps, minutes), seed=seed)
    train_vocos(Corpus(corpus), PRESETS[preset], out, options, init=init)


@app.command()
def mels(
    corpus: CorpusFolder,
    voice: Annotated[Path, typer.Argument(metavar="VOICE", help="The state file of `voice`.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write.")],
    count: Annotated[int, typer.Option(help="Number of utterances.")] = 2000,
    seed: Seed = 0,
    preset: Preset = "embedded",
) -> None:
    """Predict mels of recordings with the Decoder, for `vivace train vocoder`."""
    from vivace.train.corpus.dataset import Corpus
    from vivace.train.preset import PRESETS
    from vivace.train.run import load_weights
    from vivace.train.voice.model import VoiceModel
    from vivace.train.voice.vocos import write_predicted_mels

    begin()
    model = VoiceModel(PRESETS[preset])
    load_weights(voice, model)
    log.info("%s: %d utterances", out, write_predicted_mels(Corpus(corpus), model, out, count=count, seed=seed))


@app.command()
def recognizer(
    corpus: CorpusFolder,
    out: Out,
    steps: Steps = None,
    minutes: Minutes = None,
    rate: Rate = None,
    seed: Seed = 0,
    preset: Preset = "embedded",
) -> None:
    """Train a recognizer of phones and tones, for the benchmark and for `voice --listener`."""
    from vivace.train.corpus.dataset import Corpus
    from vivace.train.recognizer import RecognizerOptions, train_recognizer

    begin()
    train_recognizer(Corpus(corpus), out, RecognizerOptions(_budget(2e-3, rate, steps, minutes), seed=seed))


@app.command()
def durations(
    corpus: CorpusFolder,
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="A checkpoint folder, from `export`.")],
    seed: Seed = 0,
    preset: Preset = "embedded",
) -> None:
    """Measure how long phones take, and write that into a checkpoint."""
    from vivace.train.corpus.dataset import Corpus
    from vivace.train.voice.export import fit_durations

    begin()
    found = fit_durations(Corpus(corpus).part("train"))
    found.write(checkpoint / "asset")
    log.info("durations of %d tokens", int((found.frames > 0).sum()))


@app.command()
def export(
    voice: Annotated[Path, typer.Argument(metavar="VOICE", help="The state file of `voice`.")],
    vocos: Annotated[Path, typer.Argument(metavar="VOCOS", help="The state file of `vocos`.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The checkpoint folder to write.")],
    blend: Annotated[Path | None, typer.Option(help="The state before a tuning, to average with.")] = None,
    share: Annotated[float, typer.Option(help="Share of the tuned weights in that average.")] = 0.75,
    gain: Annotated[float, typer.Option(help="Factor by which the voice is louder than its corpus.")] = 1.4,
    seed: Seed = 0,
    preset: Preset = "embedded",
) -> None:
    """Write a checkpoint folder."""
    from vivace.train.corpus.speakers import EMBEDDED_SPEAKERS
    from vivace.train.preset import PRESETS
    from vivace.train.run import load_weights
    from vivace.train.voice.export import average_weights
    from vivace.train.voice.export import export as write_checkpoint
    from vivace.train.voice.model import VoiceModel
    from vivace.train.voice.vocos import build_vocos

    begin()
    model, vocoder = VoiceModel(PRESETS[preset]), build_vocos(PRESETS[preset])
    load_weights(voice, model)
    if blend:
        average_weights(blend, model, share)
    load_weights(vocos, vocoder)
    write_checkpoint(out, model, vocoder, EMBEDDED_SPEAKERS, gain=gain)
    log.info("%s: %d bytes", out, sum(p.stat().st_size for p in out.rglob("*") if p.is_file()))
