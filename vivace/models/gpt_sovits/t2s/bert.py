"""BERT: Chinese characters to text features. Source: arXiv:1810.04805; section 6 of the GPT-SoVITS model facts."""

# B batch, T tokens, D width

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from vivace.errors import WeightsError, WeightsNotFoundError
from vivace.models.gpt_sovits.encoder_block import EncoderBlock
from vivace.weights.keymap import KeyMap
from vivace.weights.tensor_file import TensorInfo

HEAD_DIM = 64  # written nowhere
EPS = 1e-12
MAX_CHARACTERS = 510  # positions, but for those of the two marks

BERT_KEYS = KeyMap(
    (
        (r"embeddings\.word_embeddings\.weight", "words.weight"),
        (r"embeddings\.position_embeddings\.weight", "places.weight"),
        (r"embeddings\.token_type_embeddings\.weight", "kinds.weight"),
        (r"embeddings\.LayerNorm\.(.+)", r"norm.\1"),
        (r"encoder\.layer\.(\d+)\.attention\.self\.query\.(.+)", r"layers.\1.q.\2"),
        (r"encoder\.layer\.(\d+)\.attention\.self\.key\.(.+)", r"layers.\1.k.\2"),
        (r"encoder\.layer\.(\d+)\.attention\.self\.value\.(.+)", r"layers.\1.v.\2"),
        (r"encoder\.layer\.(\d+)\.attention\.output\.dense\.(.+)", r"layers.\1.out.\2"),
        (r"encoder\.layer\.(\d+)\.attention\.output\.LayerNorm\.(.+)", r"layers.\1.norm1.\2"),
        (r"encoder\.layer\.(\d+)\.intermediate\.dense\.(.+)", r"layers.\1.linear1.\2"),
        (r"encoder\.layer\.(\d+)\.output\.dense\.(.+)", r"layers.\1.linear2.\2"),
        (r"encoder\.layer\.(\d+)\.output\.LayerNorm\.(.+)", r"layers.\1.norm2.\2"),
    )
)


@dataclass(frozen=True)
class BertSizes:
    """As the tensors have them."""

    words: int
    places: int
    width: int
    hidden: int
    layers: int

    @classmethod
    def of(cls, header: Mapping[str, TensorInfo]) -> "BertSizes":
        """Read off a converted file's header."""
        words, width = header["embeddings.word_embeddings.weight"].shape
        return cls(
            words=words,
            places=header["embeddings.position_embeddings.weight"].shape[0],
            width=width,
            hidden=header["encoder.layer.0.intermediate.dense.weight"].shape[0],
            layers=sum(1 for key in header if key.endswith(".intermediate.dense.weight")),
        )


class Bert(nn.Module):
    """Up to the third layer from the end, whose state is the feature; the rest is not in the converted file."""

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        width, heads = sizes.width, sizes.width // HEAD_DIM
        self.words = nn.Embedding(sizes.words, width)
        self.places = nn.Embedding(sizes.places, width)
        self.kinds = nn.Embedding(2, width)
        self.norm = nn.LayerNorm(width, eps=EPS)
        self.layers = nn.ModuleList(EncoderBlock(width, heads, sizes.hidden, eps=EPS) for _ in range(sizes.layers))
        self.width = width

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """Ids ``[B, T]``, those that count ``[B, T]`` bool or None for all -> ``[B, T, D]``."""
        x = self.words(tokens) + self.places.weight[: tokens.shape[1]] + self.kinds.weight[0]
        x = self.norm(x)
        for layer in self.layers:
            x = layer(x, None if mask is None else mask[:, None, None, :])
        return cast(Tensor, x)


class CharacterTokenizer:
    """One token per character, from the vocabulary of a ``tokenizer.json``."""

    def __init__(self, file: Path) -> None:
        from tokenizers import Tokenizer

        if not file.is_file():
            raise WeightsNotFoundError(f"no tokenizer {file}; convert the checkpoint again")
        try:
            tokenizer = Tokenizer.from_file(str(file))
        except Exception as exc:  # the library raises the plain class
            raise WeightsError(f"{file} is damaged ({exc}); convert the checkpoint again") from exc
        vocabulary = tokenizer.get_vocab()
        try:
            self._start, self._end, self._unknown = (vocabulary[mark] for mark in ("[CLS]", "[SEP]", "[UNK]"))
        except KeyError as exc:
            raise WeightsError(f"{file} lacks the token {exc}; take that of the Chinese BERT") from exc
        self._vocabulary = vocabulary

    def encode(self, text: str) -> list[int]:
        """Ids of the characters between the two marks."""
        known = (self._vocabulary.get(char.lower(), self._unknown) for char in text)
        return [self._start, *known, self._end]


def text_features(bert: Bert, tokenizer: CharacterTokenizer, text: str, phones_per_character: Sequence[int]) -> Tensor:
    """Features ``[X, D]`` of the phones of a Chinese text, each character's repeated for its phones.

    Args:
        text: as the phones were made of it; longer ones than the network takes are read in parts.
        phones_per_character: one number per character of ``text``.
    """
    assert len(text) == len(phones_per_character), "one number per character"
    device = bert.words.weight.device
    parts = []
    for start in range(0, len(text), MAX_CHARACTERS):
        ids = torch.tensor([tokenizer.encode(text[start : start + MAX_CHARACTERS])], device=device)
        parts.append(bert(ids)[0, 1:-1])
    counts = torch.tensor(phones_per_character, device=device)
    return torch.cat(parts).repeat_interleave(counts, dim=0) if parts else torch.zeros(0, bert.width, device=device)
