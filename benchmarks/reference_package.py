"""Vivace beside the reference package ChatTTS: the whole path from a text to samples, in frames per second.

    python -m venv REFERENCE
    REFERENCE/bin/pip install ChatTTS torch torchaudio 'transformers<5'
    python benchmarks/reference_package.py REFERENCE/bin/python [--batch 1 4] [--alone 8 16] [--repeats 2]

A checkpoint of the published sizes with random weights is written in the published layout. Both speak the same texts
with it, in turn: the reference in a process of the other environment, with its defaults but without the pass that
rewrites the text; Vivace here, with its defaults and the precision that it chooses. With these weights neither ends
by itself. How many frames a text takes is Vivace's limit for it; the reference makes as many for each text of a batch
as Vivace makes for the longest, and all of them count. Environment variables reach both, so ``ATEN_CPU_CAPABILITY``
and the like apply to both. The last line is JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from vivace.bench.model_under_test import speaker, spread, write_random_checkpoint
from vivace.bench.report import Machine, machine_of
from vivace.models.chattts.checkpoint.convert import PUBLISHED_GPT
from vivace.pipeline.tts import TTS
from vivace.settings import TTSConfig

WORKER = Path(__file__).with_name("reference_worker.py")
SNAPSHOT = Path("models--2Noise--ChatTTS", "snapshots", "random")  # in a cache of the hub
REFERENCE_BATCH = 4  # max_split_batch of the reference
WARM_UP_FRAMES = 8
SAMPLES_KEPT = 0.9  # the reference drops samples of silence, which random weights hardly make

# The special tokens of the published asset/tokenizer/tokenizer.json, in its order.
SPECIAL = (
    *("[Sasr]", "[Pasr]", "[Easr]", "[Stts]", "[Ptts]", "[Etts]", "[Sbreak]", "[Pbreak]", "[Ebreak]", "[uv_break]"),
    *("[v_break]", "[lbreak]", "[llbreak]", "[undefine]", "[laugh]", "[spk_emb]", "[empty_spk]", "[music]", "[pure]"),
    *(
        f"[{name}_{i}]"
        for name, count in (("break", 8), ("laugh", 3), ("oral", 10), ("speed", 10))
        for i in range(count)
    ),
)
NAMED = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
WORDS = 21_128  # before the special tokens


@dataclass(frozen=True)
class Row:
    """One line of the table: so many texts at once; without a rate of the reference it did not take part."""

    texts: int
    frames_per_s: float
    reference_frames_per_s: float | None
    ratios: tuple[float, ...]  # of each repeat


@dataclass(frozen=True)
class Report:
    """All of a run."""

    machine: Machine
    precision: str
    reference: Mapping[str, object]
    rows: tuple[Row, ...]


class Reference:
    """The reference package in its own environment."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.facts = self._answer()

    def speak(self, texts: Sequence[str], frames: int) -> float:
        """Speak a batch, ``frames`` for each text. Returns: seconds. Raises: RuntimeError when it makes other audio."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"texts": list(texts), "frames": frames, "seed": 0}) + "\n")
        self._process.stdin.flush()
        answer = self._answer()
        most = (2 * frames - 1) * 256
        if len(answer["samples"]) != len(texts) or not all(SAMPLES_KEPT * most <= n <= most for n in answer["samples"]):
            raise RuntimeError(f"{frames} frames for each of {len(texts)} texts became {answer['samples']} samples")
        return float(answer["seconds"])

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the reference package ended; its message is above")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def reference(python: Path, cache: Path) -> Iterator[Reference]:
    """The package loaded with the checkpoint in a hub cache."""
    command = [str(python), "-I", str(WORKER), str(cache)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Reference(process)
        finally:
            process.terminate()


def write_checkpoint(root: Path) -> None:
    """Random weights that never end, with a tokenizer and a configuration that the reference reads as well."""
    write_random_checkpoint(root, endless=True)
    asset = root / "asset"
    sizes = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 20, "vocab_size": 32_000}
    codes = {"num_audio_tokens": 626, "num_text_tokens": WORDS + len(SPECIAL)}
    (asset / "gpt" / "config.json").write_text(json.dumps(PUBLISHED_GPT | sizes | codes), encoding="utf-8")
    words = [*NAMED.values()]
    words += [f"word{i}" for i in range(WORDS - len(words))]
    vocabulary = {word: i for i, word in enumerate(words)}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in SPECIAL])
    folder = asset / "tokenizer"
    tokenizer.save(str(folder / "tokenizer.json"))
    kind = {"tokenizer_class": "BertTokenizerFast", "do_lower_case": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(NAMED | kind), encoding="utf-8")
    special = {**NAMED, "additional_special_tokens": SPECIAL}
    (folder / "special_tokens_map.json").write_text(json.dumps(special), encoding="utf-8")


def vivace_frames(tts: TTS, texts: Sequence[str]) -> tuple[list[int], float]:
    """Speak texts side by side. Returns: frames of each, seconds."""
    started = time.perf_counter()
    made = tts.synthesize_batch(texts, seed=0, reuse=False)
    seconds = time.perf_counter() - started
    if any(speech.stats.pieces != 1 for speech in made):
        raise RuntimeError("a text was split; the reference takes each whole")
    return [speech.stats.code_frames for speech in made], seconds


def measure_together(tts: TTS, other: Reference, texts: Sequence[str], batch: int, repeats: int) -> Row:
    """Both in turn: the texts, ``batch`` at once."""
    groups = [texts[i : i + batch] for i in range(0, len(texts), batch)]
    mine, theirs = list[float](), list[float]()
    for _ in range(repeats):
        frames, seconds, reference_frames, reference_seconds = 0, 0.0, 0, 0.0
        for group in groups:
            made, took = vivace_frames(tts, group)
            frames, seconds = frames + sum(made), seconds + took
            reference_seconds += other.speak(group, max(made))
            reference_frames += max(made) * len(group)
        mine.append(frames / seconds)
        theirs.append(reference_frames / reference_seconds)
    ratios = tuple(own / reference for own, reference in zip(mine, theirs, strict=True))
    return Row(batch, sum(mine) / repeats, sum(theirs) / repeats, ratios)


def measure_alone(tts: TTS, texts: Sequence[str], repeats: int) -> Row:
    """Vivace with more texts at once than the reference takes."""
    rates = []
    for _ in range(repeats):
        made, seconds = vivace_frames(tts, texts)
        rates.append(sum(made) / seconds)
    return Row(len(texts), sum(rates) / repeats, None, ())


def chosen_texts(tts: TTS, count: int) -> list[str]:
    """English sentences of ordinary length, each one segment."""
    ordinary = [text for text in spread(None)[1::2] if 40 <= len(text) <= 90 and text.isascii()]
    if len(ordinary) < count:
        raise SystemExit(f"there are {len(ordinary)} texts; ask for fewer")
    return ordinary[:count]


def measure(given: argparse.Namespace) -> Report:
    """Write the checkpoint, start both, time them in turn."""
    rows = list[Row]()
    with tempfile.TemporaryDirectory(prefix="vivace-reference-") as cache:
        root = Path(cache) / SNAPSHOT
        write_checkpoint(root)
        config = TTSConfig()
        with reference(given.python, Path(cache)) as other, speaker(root, given.precision, config) as tts:
            texts = chosen_texts(tts, max(given.texts, *given.batch, *given.alone, 1))
            for batch in given.batch:
                vivace_frames(tts, texts[:batch])
                other.speak(texts[:batch], WARM_UP_FRAMES)
                count = max(given.texts // batch, 1) * batch
                rows.append(measure_together(tts, other, texts[:count], batch, given.repeats))
                print(f"{batch} at once: {rows[-1]}", file=sys.stderr)
            rows += [measure_alone(tts, texts[:count], given.repeats) for count in given.alone]
            stats = tts.get_performance_stats()
            machine = machine_of(stats.device, tts.family.threads)
            return Report(machine, stats.precision, other.facts, tuple(rows))


def print_report(report: Report) -> None:
    """The table, and the report as a line of JSON."""
    named = ", ".join(f"{name} {value}" for name, value in report.reference.items())
    print(f"Vivace {report.precision}, {report.machine}; reference: {named}")
    print(
        "| texts at once | reference, frames/s | Vivace, frames/s | ratio (of each repeat) |\n| --- | --- | --- | --- |"
    )
    for row in report.rows:
        theirs = "-" if row.reference_frames_per_s is None else f"{row.reference_frames_per_s:.1f}"
        ratios = ", ".join(f"{ratio:.2f}" for ratio in row.ratios) or "-"
        print(f"| {row.texts} | {theirs} | {row.frames_per_s:.1f} | {ratios} |")
    print(json.dumps(asdict(report)))


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description="Time Vivace beside the reference package ChatTTS.")
    parser.add_argument("python", type=Path, help="of an environment with the package ChatTTS")
    parser.add_argument("--precision", default="auto", help="of Vivace")
    parser.add_argument("--batch", nargs="+", type=int, default=[1, REFERENCE_BATCH], help="texts at once, of both")
    parser.add_argument("--alone", nargs="*", type=int, default=[8, 16], help="texts at once, of Vivace alone")
    parser.add_argument("--texts", type=int, default=4, help="texts of each repeat")
    parser.add_argument("--repeats", type=int, default=2)
    given = parser.parse_args()
    if not os.access(given.python, os.X_OK):
        parser.error(f"{given.python} is not a Python")
    print_report(measure(given))


if __name__ == "__main__":
    main()
