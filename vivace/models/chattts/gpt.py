"""The language model: one Llama, two ways in and out (audio codes, text)."""

# B batch, L positions, T code frames, S tokens of the text, Q codebooks, V vocabulary, D width, H heads,
# d width of a head

from collections.abc import Collection, Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from vivace.engine.protocols import ARModel, ARPrompt, ARSpec, AttentionAlignment
from vivace.layers.attention import KVStore, WholeRow
from vivace.layers.decoder_block import DecoderBlock, FusedDecodeStep
from vivace.layers.linear import PackedLinear, fuse_linears, set_precision
from vivace.layers.native.kernels import Kernels, kernels
from vivace.layers.native.product import PackedFloat
from vivace.layers.native.step import SlotStore
from vivace.layers.norm import RMSNorm
from vivace.layers.rope import rope_table
from vivace.models.chattts.checkpoint.config import GPTConfig
from vivace.types import Precision

SMALL_MODEL_WEIGHTS = 16 << 20


class Llama(nn.Module):
    """The decoder stack on embeddings."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            DecoderBlock(config.hidden_size, config.num_attention_heads, config.intermediate_size, config.rms_norm_eps)
            for _ in range(config.num_hidden_layers)
        )
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.head_dim = config.hidden_size // config.num_attention_heads
        self.theta = config.rope_theta
        self.weights = sum(p.numel() for p in self.parameters())  # how many; they may move into other forms
        self._fused = False
        self._whole: FusedDecodeStep | None = None  # all layers at once
        self._precision: Precision = "float32"
        self.native: Kernels | None = None  # what it was laid out with

    def forward(self, x: Tensor, positions: Tensor, store: KVStore) -> Tensor:
        """``[B, L, D]`` -> hidden states after the final norm, ``[B, L, D]``, in the type of ``x``."""
        kind = x.dtype
        if self._fused:
            first = cast(DecoderBlock, self.layers[0]).self_attn
            x = x.to(first.input_dtype(x.shape[0] * x.shape[1]))
        cos, sin = rope_table(positions, self.head_dim, self.theta)
        if self._whole is not None and x.shape[1] == 1 and isinstance(store, SlotStore):
            done = self._whole(x, cos, sin, store.memory())
            if done is not None:
                return cast(Tensor, self.norm(done)).to(kind)
        rope = cos.to(x.dtype), sin.to(x.dtype)
        for index, layer in enumerate(self.layers):
            x = layer(x, rope, store, index)
        return cast(Tensor, self.norm(x)).to(kind)

    @property
    def small(self) -> bool:
        """Its quantized weights stay in the CPU's caches."""
        return self.weights < SMALL_MODEL_WEIGHTS

    @property
    def is_exact(self) -> bool:
        """Its layers, once fused, give the same bits on every CPU kind: int8 by the compiled kernels."""
        return self._whole is not None and self._whole.takes_int8

    def set_precision(self, precision: Precision) -> None:
        """Hold the matrices in ``precision``; before ``fuse``."""
        set_precision(self.layers, precision)
        self._precision = precision

    @property
    def kv_dtype(self) -> torch.dtype:
        """The type of keys and values: int8 with a scale per head and position where the kernels attend to it."""
        if self.is_exact:
            return torch.int8
        compiled = self.native is not None or self.norm.weight.device.type != "cpu"
        return torch.bfloat16 if compiled and self._precision != "float32" else torch.float32

    def fuse(self) -> None:
        """Lay the matrices out for the device they are on; for inference, once the weights are final."""
        blocks = [block for block in self.layers if isinstance(block, DecoderBlock)]
        self.native = kernels() if self.norm.weight.device.type == "cpu" else None
        self._whole = FusedDecodeStep(blocks)
        self.norm.fuse()
        self._fused = True


class Embeddings(nn.Module):
    """Token tables and output heads of both modes; weight-normalized heads are folded when they are loaded."""

    def __init__(self, config: GPTConfig, *, text_head: bool = True) -> None:
        super().__init__()
        width, codes = config.hidden_size, config.num_audio_tokens
        self.emb_text = nn.Embedding(config.num_text_tokens, width)
        self.emb_code = nn.ModuleList(nn.Embedding(codes, width) for _ in range(config.num_vq))
        self.head_text = nn.Linear(width, config.num_text_tokens, bias=False) if text_head else None
        self.head_code = nn.ModuleList(nn.Linear(width, codes, bias=False) for _ in range(config.num_vq))
        self._code_heads: PackedLinear | None = None
        self._text_head: PackedLinear | None = None

    def set_precision(self, precision: Precision) -> None:
        """Hold the heads in ``precision``, in int8 at the least: what they get wrong no later layer makes good."""
        set_precision(self, "int8" if precision == "int4" else precision)

    def fuse(self, *, exact: bool = False) -> None:
        """Make the logits of all codebooks in one product; for inference, once the weights are final.

        Args:
            exact: float32 heads give the same bits on every CPU kind, as the quantized layers before them do.
        """
        native = kernels()
        floats = [head for head in self.head_code if isinstance(head, nn.Linear)]
        if exact and native is not None and len(floats) == len(self.head_code):
            self._code_heads = PackedFloat(native, torch.cat([head.weight.detach().float() for head in floats]))
            for head in floats:
                head.weight = nn.Parameter(head.weight.new_empty(0), requires_grad=False)
        else:
            self._code_heads = fuse_linears(tuple(self.head_code))
        self._text_head = None if self.head_text is None else fuse_linears((self.head_text,))

    def code_logits(self, hidden: Tensor) -> Tensor:
        """``[B, D]`` -> ``[B, Q, V]``."""
        if self._code_heads is None:
            return torch.stack([head(hidden) for head in self.head_code], dim=1)
        return self._code_heads(hidden).view(len(hidden), len(self.head_code), -1)

    def text_logits(self, hidden: Tensor) -> Tensor:
        """``[B, D]`` -> ``[B, V]``."""
        assert self.head_text is not None, "this checkpoint has no text head"
        out: Tensor = self.head_text(hidden) if self._text_head is None else self._text_head(hidden)
        return out

    def prompt(self, input_ids: Tensor, text_mask: Tensor) -> Tensor:
        """Embed a prompt.

        Args:
            input_ids: ``[B, L, Q]``: a text id in every column, or the codes of a recording's frame.
            text_mask: ``[B, L]`` bool, True where the position is text.
        Returns:
            ``[B, L, D]``; padding counts as code 0, which is finite and masked out of attention.
        """
        ids = torch.where(text_mask, input_ids[..., 0], 0)
        codes = torch.where(text_mask[..., None], 0, input_ids)
        return torch.where(text_mask[..., None], self.emb_text(ids), self.code(codes))

    def code(self, codes: Tensor) -> Tensor:
        """``[B, T, Q]`` -> the sum of the codebooks' embeddings, ``[B, T, D]``."""
        tables = enumerate(self.emb_code)
        return torch.stack([table(codes[..., q]) for q, table in tables]).sum(0)


NEVER = -1e4  # a logit; finite, for one that is not means a broken step


class CodeMode:
    """``ARModel`` that writes frames of audio codes; its last code ends the speech.

    Args:
        end_codebooks: those that may end the speech; None: all of them. A codebook whose codes are near noise ends it
            too often: where a hundred codes share the probability, an end of 0.01 is the likeliest, and a low
            temperature makes it certain.
    """

    def __init__(
        self, llama: Llama, embeddings: Embeddings, config: GPTConfig, end_codebooks: tuple[int, ...] | None = None
    ) -> None:
        self.spec = ARSpec(
            layers=config.num_hidden_layers,
            heads=config.num_attention_heads,
            head_dim=config.hidden_size // config.num_attention_heads,
            codebooks=config.num_vq,
            vocabulary=config.num_audio_tokens,
            end_code=config.num_audio_tokens - 1,
            max_positions=config.max_position_embeddings,
        )
        self.forward, self.embed, self._logits = llama.__call__, embeddings.code, embeddings.code_logits
        self._endless = [] if end_codebooks is None else sorted({*range(config.num_vq)} - {*end_codebooks})

    def logits(self, hidden: Tensor) -> Tensor:
        """``[B, D]`` -> ``[B, Q, V]``."""
        logits = self._logits(hidden).float()
        for book in self._endless:
            logits[:, book, self.spec.end_code] = NEVER
        return logits


class TextMode:
    """``ARModel`` that rewrites text (the refine pass); ``[Ebreak]`` ends it."""

    def __init__(self, llama: Llama, embeddings: Embeddings, config: GPTConfig, end_id: int) -> None:
        assert embeddings.head_text is not None, "this checkpoint has no text head"
        self.spec = ARSpec(
            layers=config.num_hidden_layers,
            heads=config.num_attention_heads,
            head_dim=config.hidden_size // config.num_attention_heads,
            codebooks=1,
            vocabulary=config.num_text_tokens,
            end_code=end_id,
            max_positions=config.max_position_embeddings,
        )
        self.forward = llama.__call__
        self._table, self._logits = embeddings.emb_text, embeddings.text_logits

    def embed(self, codes: Tensor) -> Tensor:
        """``[B, T, 1]`` -> ``[B, T, D]``."""
        return cast(Tensor, self._table(codes[..., 0]))

    def logits(self, hidden: Tensor) -> Tensor:
        """``[B, D]`` -> ``[B, 1, V]``."""
        return self._logits(hidden).float()[:, None]


class AttentionRecorder(WholeRow):
    """``KVStore`` of one pass over one whole row that notes where the last head of some layers looks.

    Args:
        layers: whose last head is watched.
        first: position of the first query that is watched.
    """

    def __init__(self, layers: Collection[int], first: int) -> None:
        self._layers, self._first = layers, first
        self.noted: list[Tensor] = []  # [L - first, L] each, every row a distribution

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        if layer in self._layers:
            asking, keys = q[0, -1, self._first :].float(), k[0, -1].float()
            scores = asking @ keys.T / keys.shape[-1] ** 0.5
            later = torch.ones_like(scores, dtype=torch.bool).triu(self._first + 1)
            self.noted.append(scores.masked_fill(later, -torch.inf).softmax(-1))
        return super().attend(layer, q, k, v)


@torch.inference_mode()
def trace_alignment(
    model: ARModel, prompt: ARPrompt, codes: Tensor, layers: Collection[int], sounds: Sequence[bool]
) -> AttentionAlignment | None:
    """Where the speech ``codes`` ``[T, Q]`` of ``prompt`` looked; None when there is none.

    Args:
        prompt: one row; its last token stands behind its text, whose tokens are the ones before.
        layers: whose last head follows the text.
        sounds: ``[S]`` whether the tokens of the text have a sound.
    """
    if not len(codes) or not len(sounds):
        return None
    asked = prompt.embeddings
    last = asked.shape[1] - 1
    fed = model.embed(codes[None, :-1].to(asked.device)).to(asked)  # nothing follows the last frame
    x = torch.cat((asked, fed), dim=1)
    store = AttentionRecorder(layers, last)
    model.forward(x, torch.arange(x.shape[1], device=x.device)[None], store)
    looks = torch.stack(store.noted).mean(0)[:, last - len(sounds) : last]  # [T, S]
    return AttentionAlignment(looks.sum(0).cpu().numpy(), looks.argmax(1).cpu().numpy(), np.array(sounds, bool))
