"""S1, the text-to-semantic model: a post-norm transformer that reads phones as a whole and writes codes one by one.

Source: section 7 of the GPT-SoVITS model facts.
"""

# B batch, L positions, X phones, P codes of the recording, D width, H heads, d width of a head

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vivace.engine.protocols import ARSpec
from vivace.layers.attention import KVStore
from vivace.layers.linear import BiasedProduct
from vivace.layers.native.kernels import LANES, MAX_WIDTH, Kernels, fits, kernels
from vivace.layers.native.product import PackedInt8
from vivace.layers.native.step import DecodeBatchPostNorm, PostNormLayer, SlotStore
from vivace.types import Precision
from vivace.weights.keymap import KeyMap

Product = Callable[[Tensor], Tensor]

CODES_PER_SECOND = 25
MAX_CODES = 1500  # a minute; the reference never writes more
MAX_POSITIONS = 4000  # of phones, and of codes
IN_TEXT = -1  # this and all lower positions: the row carries its place already

S1_KEYS = KeyMap(
    (
        (r"ar_text_embedding\.word_embeddings\.weight", "phones.weight"),
        (r"ar_audio_embedding\.word_embeddings\.weight", "codes.weight"),
        (r"ar_text_position\.alpha", "phone_scale"),
        (r"ar_audio_position\.alpha", "code_scale"),
        (r"h\.layers\.(\d+)\.self_attn\.in_proj_(weight|bias)", r"layers.\1.qkv.\2"),
        (r"h\.layers\.(\d+)\.self_attn\.out_proj\.(weight|bias)", r"layers.\1.out.\2"),
        (r"h\.layers\.(.+)", r"layers.\1"),
        (r"ar_predict_layer\.weight", "head.weight"),
    )
)


@dataclass(frozen=True)
class S1Config:
    """Sizes of an S1 model; all but the heads and the longest speech are those of its tensors."""

    width: int  # D
    heads: int
    layers: int
    hidden: int  # of the feed-forward part
    phones: int  # rows of the phone table
    codes: int  # the end code, which is the last, included
    bert: int  # width of the text features
    max_seconds: int = 54


class PostNormBlock(nn.Module):
    """Attention and ReLU MLP, normalized after the residual."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.linear1 = nn.Linear(width, hidden)
        self.linear2 = nn.Linear(hidden, width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self._products: tuple[Product, ...] = (self.qkv, self.out, self.linear1, self.linear2)

    def fuse(self, precision: Precision) -> None:
        """Lay the matrices out for decode steps; for inference, once the weights are final."""
        self._products = tuple(
            BiasedProduct(layer, precision) for layer in (self.qkv, self.out, self.linear1, self.linear2)
        )

    def packed(self) -> PostNormLayer | None:
        """Everything in the form of the compiled kernels; None where it is not in it."""
        parts = [p for p in self._products if isinstance(p, BiasedProduct) and p.bias is not None]
        matrices = [part.product for part in parts if isinstance(part.product, PackedInt8)]
        width = self.norm1.weight.shape[0]
        fit = width % LANES == 0 and fits(width // self.heads) and self.linear1.out_features <= MAX_WIDTH
        if len(matrices) < len(self._products) or not fit:
            return None
        qkv, out, up, down = matrices
        biases = [part.bias.float().contiguous() for part in parts if part.bias is not None]
        norms = (self.norm1.weight, self.norm1.bias, self.norm2.weight, self.norm2.bias)
        vectors = (*biases, *(norm.detach().float().contiguous() for norm in norms))
        return PostNormLayer(qkv, out, up, down, *vectors)

    def forward(self, x: Tensor, store: KVStore, layer: int) -> Tensor:
        """``[B, L, D]`` -> ``[B, L, D]``."""
        qkv, out, linear1, linear2 = self._products
        batch, length, width = x.shape
        # [B, L, 3D] -> [3, B, H, L, d]
        q, k, v = qkv(x).view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        seen = store.attend(layer, q, k, v).transpose(1, 2).reshape(batch, length, width)
        x = self.norm1(x + out(seen))
        return cast(Tensor, self.norm2(x + linear2(F.relu(linear1(x)))))


class S1Model(nn.Module):
    """``ARModel`` of one codebook.

    Phones and codes count their positions from 0, each by themselves. Codes get theirs in ``forward``; phones have
    theirs in their embedding and stand at negative positions, so that the code after the text alone is at 0.
    """

    def __init__(self, config: S1Config) -> None:
        super().__init__()
        self.phones = nn.Embedding(config.phones, config.width)
        self.codes = nn.Embedding(config.codes, config.width)
        self.bert_proj = nn.Linear(config.bert, config.width)
        self.phone_scale = nn.Parameter(torch.ones(1))
        self.code_scale = nn.Parameter(torch.ones(1))
        self.layers = nn.ModuleList(
            PostNormBlock(config.width, config.heads, config.hidden) for _ in range(config.layers)
        )
        self.head = nn.Linear(config.width, config.codes, bias=False)
        self._head: tuple[Product] = (self.head,)  # in a tuple, so that it is no second submodule
        self.config = config
        self._precision: Precision = "float32"
        self.native: Kernels | None = None  # what it was laid out with
        self._whole: DecodeBatchPostNorm | None = None  # all layers at once, for the rows of a decode step
        self.weights = sum(p.numel() for p in self.parameters())  # how many; they may move into other forms
        self.spec = ARSpec(
            layers=config.layers,
            heads=config.heads,
            head_dim=config.width // config.heads,
            codebooks=1,
            vocabulary=config.codes,
            end_code=config.codes - 1,
            max_positions=MAX_POSITIONS,
            sampling="presence",
        )

    def read(self, phones: Tensor, features: Tensor) -> Tensor:
        """Embed phones with their text features and their places.

        Args:
            phones: ``[B, X]`` ids.
            features: ``[B, X, bert]``; zeros where there are none.
        Returns: ``[B, X, D]``.
        """
        x = self.phones(phones) + self.bert_proj(features)
        places = torch.arange(phones.shape[1], device=phones.device)
        return cast(Tensor, x + self.phone_scale * self._places(places))

    def embed(self, codes: Tensor) -> Tensor:
        """``[B, T, 1]`` -> ``[B, T, D]``, without their places."""
        return cast(Tensor, self.codes(codes[..., 0]))

    def place(self, x: Tensor, positions: Tensor) -> Tensor:
        """Give embedded codes ``[B, L, D]`` their places ``[B, L]``; rows ``IN_TEXT`` stay as they are."""
        return x + self.code_scale * self._places(positions)

    def forward(self, x: Tensor, positions: Tensor, store: KVStore) -> Tensor:
        """``[B, L, D]`` at ``positions`` ``[B, L]`` -> ``[B, L, D]``."""
        x = self.place(x, positions)
        if self._whole is not None and x.shape[1] == 1 and isinstance(store, SlotStore):
            memory = store.memory()
            if memory is not None:
                return self._whole(x, memory).to(x.dtype)
        for index, layer in enumerate(self.layers):
            x = layer(x, store, index)
        return x

    def logits(self, hidden: Tensor) -> Tensor:
        """``[B, D]`` -> ``[B, 1, V]``, float32."""
        return self._head[0](hidden).float()[:, None]

    def fuse(self, precision: Precision = "float32") -> None:
        """Hold the matrices in ``precision``, laid out for the device they are on; once the weights are final.

        Heads are held in int8 at the least: what they get wrong no later layer makes good.
        """
        blocks = [block for block in self.layers if isinstance(block, PostNormBlock)]
        for block in blocks:
            block.fuse(precision)
        packed = [block.packed() for block in blocks]
        self.native = kernels() if self.codes.weight.device.type == "cpu" else None
        if self.native is not None and None not in packed:
            layers = [layer for layer in packed if layer is not None]
            self._whole = DecodeBatchPostNorm(self.native, layers, heads=self.config.heads, eps=blocks[0].norm1.eps)
        self._head = (BiasedProduct(self.head, "int8" if precision == "int4" else precision),)
        self._precision = precision

    @property
    def kv_dtype(self) -> torch.dtype:
        """The type of keys and values: int8 with a scale per head and position where the kernels attend to it."""
        if self._whole is not None:
            return torch.int8
        free = self.native is not None or self.codes.weight.device.type != "cpu"
        return torch.bfloat16 if free and self._precision != "float32" else torch.float32

    def _places(self, positions: Tensor) -> Tensor:
        weight = self.codes.weight
        return sinusoids(weight.shape[1], weight.device, weight.dtype)[positions.clamp_min(IN_TEXT) - IN_TEXT]


@lru_cache(maxsize=8)
@torch.inference_mode(False)  # kept for later callers, some of which train
def sinusoids(width: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """``[1 + MAX_POSITIONS, width]``: a row of zeros, then sine and cosine in turns for each position from 0."""
    positions = torch.arange(MAX_POSITIONS, dtype=torch.float32)[:, None]
    rates = torch.exp(torch.arange(0, width, 2, dtype=torch.float32) * -(math.log(10_000.0) / width))
    angles = positions * rates
    waves = torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(1)
    return torch.cat((waves.new_zeros(1, width), waves)).to(device, dtype)
