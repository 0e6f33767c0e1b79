"""A checkpoint of the published sizes with random weights, to measure speed and memory on."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

from vivace.bench.published_layout import PUBLISHED
from vivace.models.chattts.checkpoint.config import ChatTTSConfig
from vivace.models.chattts.checkpoint.load import SPECIAL_TOKENS

SCALE = 0.02  # standard deviation of the weights: activations stay finite through twenty layers
FRAMES_PER_UNIT = 3.3  # with the second of grace behind it, about what a sentence of ordinary length takes
FURTHER_TOKENS = ("[Sbreak]", "[Pbreak]", "[Ebreak]", "[break_0]", "[speed_5]")


def write_random_checkpoint(root: Path, *, seed: int = 0, endless: bool = False) -> int:
    """Write the published file layout under ``root``.

    Args:
        endless: the end code is never drawn and the limit is ``FRAMES_PER_UNIT``, so that how long a text takes to say
            depends on the text alone.
    Returns: bytes of all tensor files (1.2 GB).
    """
    generator = torch.Generator().manual_seed(seed)
    total = 0
    for name, shapes in PUBLISHED.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = {key: torch.randn(shape, generator=generator) * SCALE for key, shape in shapes().items()}
        if endless:
            _never_end(tensors)
        save_file(tensors, path)
        total += path.stat().st_size
    (root / "asset" / "gpt" / "config.json").write_text(json.dumps({"model_type": "llama"}))
    _write_tokenizer(root / "asset" / "tokenizer" / "tokenizer.json")
    if endless:
        (root / "config.json").write_text(json.dumps({"vivace": {"frames_per_unit": FRAMES_PER_UNIT}}))
    return total


def _never_end(tensors: dict[str, torch.Tensor]) -> None:
    """Give the end code the logit 0, which is never among the largest of 626 random ones."""
    for key, tensor in tensors.items():
        if key.startswith("head_code") and key.endswith("original0"):  # lengths of rows, apart from their directions
            tensor[-1] = 0


def _write_tokenizer(path: Path) -> None:
    size, special = ChatTTSConfig().gpt.num_text_tokens, (*SPECIAL_TOKENS, *FURTHER_TOKENS)
    words = ["[UNK]", *(f"w{i}" for i in range(size - len(special) - 1))]
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.add_special_tokens([AddedToken(token) for token in special])
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path))
