"""A corpus of a teacher's speech in shards: one folder each, written under another name and renamed when complete.

Ingesting converts finished shards into a corpus that the other stages read.
"""

import hashlib
import json
import logging
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from vivace.audio.mel import log_mel
from vivace.errors import InputError
from vivace.models.chattts.dvae import MEL
from vivace.models.chattts.text import word_tokens
from vivace.text import phones
from vivace.train.corpus.build import Line
from vivace.train.corpus.dataset import HELD_OUT, HOP, INDEX_FILE, ShardWriter, Utterance
from vivace.train.corpus.prosody import synthesize
from vivace.train.corpus.recording import (
    CODE_SAMPLES,
    SAMPLE_RATE,
    AlignedRecording,
    Anchor,
    Samples,
    Teacher,
    leveled,
    token_positions,
    with_edges,
)
from vivace.train.kokoro.teacher import EDGE_S
from vivace.train.kokoro.texts import Texts, balanced

WAVE, INDEX, PART = "wave.i16", "index.jsonl", ".part"


@dataclass(frozen=True)
class ShardUtterance:
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


def write_shard(folder: Path, takes: Iterable[tuple[ShardUtterance, Samples]]) -> float:
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


def read_shard(folder: Path) -> Iterator[tuple[ShardUtterance, Samples]]:
    """The recordings of one shard, in order."""
    wave = np.memmap(folder / WAVE, "<i2", "r")
    for line in (folder / INDEX).read_text(encoding="utf-8").splitlines():
        take = _take(line)
        yield take, wave[take.start : take.start + take.samples].astype(np.float32) / np.float32(32767)


def read_index(folder: Path) -> Iterator[ShardUtterance]:
    """Without the samples."""
    yield from map(_take, (folder / INDEX).read_text(encoding="utf-8").splitlines())


def _take(line: str) -> ShardUtterance:
    fields = json.loads(line)
    return ShardUtterance(**(fields | {"tokens": tuple(fields["tokens"]), "starts": tuple(fields["starts"])}))


def finished(root: Path, voice: str) -> list[Path]:
    """The whole shards of a voice, in order."""
    return sorted(path.parent for path in (root / voice).glob(f"*/{INDEX}") if path.parent.suffix != PART)


def spoken_seconds(root: Path, voice: str) -> float:
    """Of all whole shards of a voice."""
    return sum((folder / WAVE).stat().st_size for folder in finished(root, voice)) / 2 / SAMPLE_RATE


log = logging.getLogger(__name__)
MANIFEST = "manifest.json"
MARGINS_S = (0.06, 0.1)  # of silence at both ends
SHORTEST_S, LONGEST_S = 0.25, 20.0


@dataclass(frozen=True)
class VoicePlan:
    """The texts and the teacher of one voice."""

    mix: str
    teacher: Teacher
    texts: Texts


def speak_line(line: Line, voice: str, teacher: Teacher) -> tuple[ShardUtterance, Samples] | None:
    """Speak one line. Returns: None when the teacher cannot, or when the recording is too short or too long."""
    words = phones(line.text)
    try:
        recording = synthesize(teacher, words, rising=False, edge_s=EDGE_S)  # this teacher lifts questions itself
    except ValueError as exc:
        log.debug("%s: %s", line.text, exc)
        return None
    tokens = tuple(token for word in words for token in word_tokens(word))
    if recording is None or not tokens:
        return None
    digest = hashlib.sha256(line.text.encode()).digest()
    before, after = (MARGINS_S[0] + (MARGINS_S[1] - MARGINS_S[0]) * byte / 255 for byte in digest[:2])
    spoken = with_edges(recording, before, after)
    if not SHORTEST_S <= spoken.seconds <= LONGEST_S:
        return None
    return ShardUtterance(
        voice, line.kind, line.text, tokens, _starts(spoken, len(tokens)), len(spoken.samples)
    ), spoken.samples


def _starts(recording: AlignedRecording, tokens: int) -> tuple[float, ...]:
    """Of every token; one without an anchor of its own, such as a tag, begins with the next one that has."""
    times = np.full(tokens + 1, np.inf)
    times[tokens] = recording.seconds
    for anchor in recording.anchors:
        times[min(anchor.token, tokens)] = min(times[min(anchor.token, tokens)], anchor.seconds)
    return tuple(round(float(t), 4) for t in np.minimum.accumulate(times[::-1])[::-1][:tokens])


def build(root: Path, parts: Mapping[str, VoicePlan], *, hours: float, origin: Mapping[str, object]) -> None:
    """Add shards below ``root`` until there are ``hours`` in all. It may be stopped at any moment and started again.

    Args:
        origin: everything that the recordings depend on; kept in the manifest, and compared with it when there is one.

    Raises:
        InputError: the folder was begun with another origin.
    """
    root.mkdir(parents=True, exist_ok=True)
    _check_manifest(root / MANIFEST, {**origin, "mixes": {voice: part.mix for voice, part in parts.items()}})
    seconds = {voice: spoken_seconds(root, voice) for voice in parts}
    while sum(seconds.values()) < hours * 3600:
        voice = balanced(seconds)
        number, began = len(finished(root, voice)), time.process_time()
        made = write_shard(shard_folder(root, voice, number), _takes(parts[voice], voice, number))
        seconds[voice] += made
        worked = time.process_time() - began
        log.info(
            "%s shard %d: %.0f s in %.0f s of one core, %.2f each; %.2f of %.1f hours",
            voice, number, made, worked, worked / max(made, 1e-3), sum(seconds.values()) / 3600, hours,
        )  # fmt: skip


def _takes(part: VoicePlan, voice: str, number: int) -> Iterator[tuple[ShardUtterance, Samples]]:
    for line in part.texts.shard(number):
        if (made := speak_line(line, voice, part.teacher)) is not None:
            yield made


def _check_manifest(path: Path, origin: Mapping[str, object]) -> None:
    """Voices may be added; nothing else may change."""
    if path.is_file():
        known = json.loads(path.read_text(encoding="utf-8"))
        mixes = {**known.pop("mixes"), **dict(origin["mixes"])}  # type: ignore[call-overload]
        changed = {key for key in known if known[key] != origin.get(key)}
        changed |= {v for v, mix in json.loads(path.read_text(encoding="utf-8"))["mixes"].items() if mixes[v] != mix}
        if changed:
            raise InputError(f"{path.parent} was begun with other {', '.join(sorted(changed))}; choose another folder")
        origin = {**origin, "mixes": mixes}
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(origin, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)


HELD_OUT_SHARE = 1 / 80


def utterance_of(take: ShardUtterance, samples: Samples) -> tuple[Utterance, torch.Tensor, Samples]:
    """An utterance, its mel ``[2T, M]`` and samples ``[512T - 256]``; silence at the end fills the last frame."""
    frames = -(-len(samples) // CODE_SAMPLES)
    exact = np.pad(leveled(samples), (0, CODE_SAMPLES))[: frames * CODE_SAMPLES - HOP]  # 2T centered mel frames
    anchors = tuple(Anchor(seconds, token) for token, seconds in enumerate(take.starts))
    positions = token_positions(AlignedRecording(exact, anchors), len(take.tokens), frames)
    utterance = Utterance(
        take.voice,
        kind_of(take),
        take.text,
        take.tokens,
        tuple(round(float(p), 1) for p in positions),
        frames,
        part=HELD_OUT if is_held_out(take.text) else "train",
    )
    return utterance, log_mel(torch.from_numpy(exact)[None], MEL)[0].T, exact


def kind_of(take: ShardUtterance) -> str:
    """``en``, ``zh`` or ``mixed``, by the tokens; pinyin tokens have an underscore."""
    mandarin = any(token.startswith(("i_", "f_")) for token in take.tokens)
    english = any(token[0].isalpha() and "_" not in token for token in take.tokens)
    return "mixed" if mandarin and english else "zh" if mandarin else "en"


def is_held_out(text: str) -> bool:
    """One in eighty texts, for every voice the same ones."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) < HELD_OUT_SHARE * 2**32


def ingest(shards: Path, corpus: Path) -> int:
    """Convert what is not converted yet, one shard a folder; how many utterances were added."""
    added = 0
    for voice in sorted(path.name for path in shards.iterdir() if path.is_dir()):
        for folder in finished(shards, voice):
            target = corpus / f"{voice}-{folder.name}"
            if (target / INDEX_FILE).is_file():
                continue
            added += _convert(folder, target)
            log.info("%s", target)
    return added


def _convert(folder: Path, target: Path) -> int:
    """By way of another name, so that a stop leaves no half of a shard."""
    part, count = target.parent / f".{target.name}", 0
    for file in part.glob("*"):
        file.unlink()
    if part.is_dir():
        part.rmdir()
    writer = ShardWriter(part)
    for take, samples in read_shard(folder):
        utterance, mel, exact = utterance_of(take, samples)
        writer.add(utterance, mel.numpy(), exact)
        count += 1
    writer.close()
    part.rename(target)
    return count
