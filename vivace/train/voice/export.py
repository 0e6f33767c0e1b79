"""A trained voice as a checkpoint folder in the published ChatTTS layout, its durations, and averaged weights."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vivace.models.chattts.durations import Durations
from vivace.models.chattts.text import SPEED_TAG, pace_of
from vivace.train.corpus.dataset import TAGS, Utterance, vocabulary, write_tokenizer
from vivace.train.preset import Json, gpt_config, root_config
from vivace.train.run import load_weights
from vivace.train.voice.model import VoiceModel
from vivace.vocoder.vocos import Vocos
from vivace.weights.load import write_tensors

Names = tuple[tuple[str, str], ...]

# Ours to published, section 2.4 of the ChatTTS facts; what no row matches keeps its name.
DECODER_NAMES: Names = (
    (r"^decoder\.blocks\.(\d+)\.scale$", r"decoder.decoder_block.\1.weight"),
    (r"^decoder\.blocks\.", "decoder.decoder_block."),
)
VOCOS_NAMES: Names = (
    (r"^(backbone\.convnext\.\d+)\.scale$", r"\1.gamma"),
    (r"^head\.window$", "head.istft.window"),
)


@dataclass(frozen=True)
class EmbeddedSpeaker:
    """How a teacher's row of the speaker table appears to listeners."""

    teacher: str
    name: str
    languages: tuple[str, ...]
    gender: str
    description: str


def published_names(tensors: Mapping[str, Tensor], names: Names) -> dict[str, Tensor]:
    """``tensors`` under the names that checkpoint files use."""
    renamed = {}
    for key, value in tensors.items():
        for pattern, replacement in names:
            key, count = re.subn(pattern, replacement, key)
            if count:
                break
        renamed[key] = value
    return renamed


def _write_weights(path: Path, tensors: Mapping[str, Tensor], dtype: torch.dtype) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = {k: v.detach().to(dtype if v.is_floating_point() else v.dtype).contiguous() for k, v in tensors.items()}
    for key, value in stored.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise OverflowError(f"{path.name}: {key} does not fit into {dtype}; export with another dtype")
    write_tensors(path, stored, {"format": "pt"})


def _write_json(path: Path, value: Json) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def louder(vocoder: Vocos, gain: float) -> dict[str, Tensor]:
    """The weights of ``vocoder`` with ``gain`` in them: its head gives log magnitudes, so that a gain is a bias."""
    tensors = {key: value.clone() for key, value in vocoder.state_dict().items()}
    bias = tensors["head.out.bias"]
    bias[: len(bias) // 2] += math.log(gain)
    return tensors


def export(
    root: Path,
    model: VoiceModel,
    vocoder: Vocos,
    speakers: tuple[EmbeddedSpeaker, ...],
    *,
    dtype: torch.dtype = torch.float16,
    gain: float = 1.0,
) -> None:
    """Write the checkpoint folder ``root``.

    Args:
        speakers: who is offered as a voice; the first one is the default.
        dtype: of the weights; voices are float16, as speaker vectors are everywhere. bfloat16 is too coarse for a small
            model: it doubled the phone errors of one voice.
        gain: how much louder the voice speaks than its corpus.
    Raises:
        KeyError: a speaker's teacher is not one that ``model`` was trained on.
        OverflowError: a weight is larger than ``dtype`` can hold.
    """
    preset, asset = model.preset, root / "asset"
    _write_weights(asset / "gpt" / "model.safetensors", model.llama.state_dict(), dtype)
    _write_weights(asset / "Embed.safetensors", model.embeddings.state_dict(), dtype)
    _write_weights(asset / "Decoder.safetensors", published_names(model.decoder.state_dict(), DECODER_NAMES), dtype)
    _write_weights(asset / "Vocos.safetensors", published_names(louder(vocoder, gain), VOCOS_NAMES), dtype)
    _write_json(asset / "gpt" / "config.json", gpt_config(preset.sizes))
    _write_json(root / "config.json", root_config(preset.sizes, speakers[0].name))
    write_tokenizer(asset / "tokenizer" / "tokenizer.json")
    rows = model.speaker_rows(torch.arange(len(preset.speakers)))
    (root / "voices").mkdir(parents=True, exist_ok=True)
    for speaker in speakers:
        if speaker.teacher not in preset.speakers:
            raise KeyError(f"no teacher {speaker.teacher!r}; this voice was trained on {', '.join(preset.speakers)}")
        row = rows[preset.speakers.index(speaker.teacher)].detach().half().contiguous()
        metadata = {
            "vivace_voice": "1",
            "name": speaker.name,
            "languages": ",".join(speaker.languages),
            "gender": speaker.gender,
            "description": speaker.description,
        }
        write_tensors(root / "voices" / f"{speaker.name}.safetensors", {"embedding": row}, metadata)


# N utterances, V tokens, S speakers


ROUNDS = 4  # between durations and the paces of speakers; after three no duration moves by a hundredth of a frame
RIDGE = 0.5  # utterances' worth of doubt about a token that is rare


def fit_durations(utterances: Sequence[Utterance]) -> Durations:
    """Durations whose sums come nearest to the utterances', at their pace tags, for a speaker of the middle pace."""
    counts, frames, pace, speaker = _counted(utterances)
    own_pace: NDArray[np.float64] = np.ones(int(speaker.max()) + 1)
    weight = 1 / np.sqrt(frames)  # a long utterance is off by more frames than a short one
    durations: NDArray[np.float64] = np.zeros(counts.shape[1])
    for _ in range(ROUNDS):
        seen: NDArray[np.float64] = counts * (weight / (pace * own_pace[speaker]))[:, None]  # [N, V]
        doubt = RIDGE * np.eye(counts.shape[1])
        durations[:] = np.linalg.solve(seen.T @ seen + doubt, seen.T @ (frames * weight))
        expected = counts @ durations / pace
        for s in range(len(own_pace)):
            own_pace[s] = expected[speaker == s].sum() / frames[speaker == s].sum()
        own_pace /= own_pace.mean()
    return Durations(durations.clip(min=0).astype(np.float32))


def _counted(
    utterances: Sequence[Utterance],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """How often each token is in each utterance ``[N, V]``; their frames, paces and speakers ``[N]``."""
    ids = {token: i for i, token in enumerate(vocabulary())}
    names = sorted({u.speaker for u in utterances})
    counts = np.zeros((len(utterances), len(ids)))
    for n, u in enumerate(utterances):
        for token in u.tokens:
            counts[n, ids[token]] += not SPEED_TAG.fullmatch(token)
    frames = np.array([u.frames for u in utterances], np.float64)
    pace = np.array([pace_of(" ".join(u.tokens)) for u in utterances])
    return counts, frames, pace, np.array([names.index(u.speaker) for u in utterances])


@torch.no_grad()
def average_weights(before: Path, after: VoiceModel, share: float) -> None:
    """Move ``after`` towards the state ``before`` until ``share`` of the way is left.

    The embeddings of control tags stay those of ``after``: ``before`` may never have seen one.
    """
    old = VoiceModel(after.preset)
    load_weights(before, old)
    rows = [vocabulary().index(tag) for tag in TAGS]
    tags = after.embeddings.emb_text.weight[rows].clone()
    mixed = {key: torch.lerp(old.state_dict()[key], value, share) for key, value in after.state_dict().items()}
    after.load_state_dict(mixed)
    after.embeddings.emb_text.weight[rows] = tags
