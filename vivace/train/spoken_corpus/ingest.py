"""Shards of natural speech as a corpus that the training stages read: mels, loudness, positions of the tokens."""

import hashlib
import logging
from pathlib import Path

import numpy as np
import torch

from vivace.audio.mel import log_mel
from vivace.models.chattts.dvae import MEL
from vivace.train.corpus.dataset import HELD_OUT, HOP, INDEX_FILE, ShardWriter, Utterance
from vivace.train.corpus.recording import CODE_SAMPLES, Anchor, Recording, Samples, levelled, token_positions
from vivace.train.spoken_corpus.shards import Take, finished, read_shard

log = logging.getLogger(__name__)
HELD_OUT_SHARE = 1 / 80


def utterance_of(take: Take, samples: Samples) -> tuple[Utterance, torch.Tensor, Samples]:
    """An utterance, its mel ``[2T, M]`` and samples ``[512T - 256]``; silence at the end fills the last frame."""
    frames = -(-len(samples) // CODE_SAMPLES)
    exact = np.pad(levelled(samples), (0, CODE_SAMPLES))[: frames * CODE_SAMPLES - HOP]  # 2T centred mel frames
    anchors = tuple(Anchor(seconds, token) for token, seconds in enumerate(take.starts))
    positions = token_positions(Recording(exact, anchors), len(take.tokens), frames)
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


def kind_of(take: Take) -> str:
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
