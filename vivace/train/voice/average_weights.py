"""Weights between two states of one model: what it was before a tuning, and what it became.

Source: "Robust fine-tuning of zero-shot models", arXiv:2109.01903.
"""

from pathlib import Path

import torch

from vivace.train.corpus.inventory import TAGS, vocabulary
from vivace.train.state import load_weights
from vivace.train.voice.model import VoiceModel


@torch.no_grad()
def blend(before: Path, after: VoiceModel, share: float) -> None:
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
