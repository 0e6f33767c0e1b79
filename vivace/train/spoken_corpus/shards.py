"""Shards of recordings on disk: one folder each, made under another name and renamed when it is whole.

``ROOT/VOICE/00012/`` holds ``wave.i16`` (samples at 24 kHz, one recording behind the other) and ``index.jsonl`` (a line
of JSON each, see ``Take``). A process that is stopped leaves a ``*.part`` folder, which is made anew.
"""

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from vivace.train.corpus.recording import SAMPLE_RATE, Samples

WAVE, INDEX, PART = "wave.i16", "index.jsonl", ".part"


@dataclass(frozen=True)
class Take:
    """One recording."""

    voice: str
    kind: str
    text: str
    tokens: tuple[str, ...]  # as word_tokens writes them
    starts: tuple[float, ...]  # [tokens] seconds at which each begins, by the teacher's own durations
    samples: int
    start: int = 0  # its first sample in the shard

    @property
    def seconds(self) -> float:
        return self.samples / SAMPLE_RATE


def shard_folder(root: Path, voice: str, number: int) -> Path:
    return root / voice / f"{number:05d}"


def write_shard(folder: Path, takes: Iterable[tuple[Take, Samples]]) -> float:
    """Write all ``takes`` and rename the folder when it is whole; seconds of speech in it."""
    part = folder.with_suffix(PART)
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    place, lines = 0, []
    with (part / WAVE).open("wb") as wave:
        for take, samples in takes:
            wave.write((np.clip(samples, -1, 1) * 32767).round().astype("<i2").tobytes())
            lines.append(json.dumps(asdict(take) | {"start": place}, ensure_ascii=False))
            place += take.samples
    (part / INDEX).write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    part.rename(folder)
    return place / SAMPLE_RATE


def read_shard(folder: Path) -> Iterator[tuple[Take, Samples]]:
    """The recordings of one shard, in order."""
    wave = np.memmap(folder / WAVE, "<i2", "r")
    for line in (folder / INDEX).read_text(encoding="utf-8").splitlines():
        take = _take(line)
        yield take, wave[take.start : take.start + take.samples].astype(np.float32) / np.float32(32767)


def read_index(folder: Path) -> Iterator[Take]:
    """Without the samples."""
    yield from map(_take, (folder / INDEX).read_text(encoding="utf-8").splitlines())


def _take(line: str) -> Take:
    fields = json.loads(line)
    return Take(**(fields | {"tokens": tuple(fields["tokens"]), "starts": tuple(fields["starts"])}))


def finished(root: Path, voice: str) -> list[Path]:
    """The whole shards of a voice, in order."""
    return sorted(path.parent for path in (root / voice).glob(f"*/{INDEX}") if path.parent.suffix != PART)


def spoken_seconds(root: Path, voice: str) -> float:
    """Of all whole shards of a voice."""
    return sum((folder / WAVE).stat().st_size for folder in finished(root, voice)) / 2 / SAMPLE_RATE
