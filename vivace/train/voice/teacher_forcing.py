"""The language model over whole rows at once, and over its own mistakes."""

# B batch, L positions, Q codebooks, V codes, D width, d width of a head, S prompt positions

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from vivace.layers.attention import SelfAttention, WholeRow
from vivace.layers.decoder_block import DecoderBlock
from vivace.layers.rope import apply_rope
from vivace.train.voice.batching import VoiceBatch
from vivace.train.voice.model import VoiceModel


class GuidedHeads:
    """Causal attention scores of the last head of some layers, noted while the model runs."""

    def __init__(self, model: VoiceModel) -> None:
        self.scores: list[Tensor] = []  # [B, L, L] per guided layer, before the softmax
        self._model = model
        self._hooks: list[RemovableHandle] = []

    def __enter__(self) -> "GuidedHeads":
        for index in self._model.preset.sizes.vivace.guided_layers:
            layer = cast(DecoderBlock, self._model.llama.layers[index])
            self._hooks.append(layer.self_attn.register_forward_pre_hook(self._note(layer.self_attn)))
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def _note(self, attention: SelfAttention) -> Callable[[nn.Module, tuple[Tensor, tuple[Tensor, Tensor]]], None]:
        def note(_: nn.Module, given: tuple[Tensor, tuple[Tensor, Tensor]]) -> None:
            x, rope = given[0], given[1]
            width = x.shape[-1] // attention.heads
            q, k = (
                apply_rope(nn.functional.linear(x, projection.weight[-width:])[:, None], *rope)
                for projection in (attention.q_proj, attention.k_proj)
            )
            scores = (q @ k.transpose(-1, -2))[:, 0].float() / width**0.5  # [B, L, L]
            self.scores.append(scores + torch.full_like(scores[0], -1e9).triu(1))

        return note


def hidden_states(model: VoiceModel, batch: VoiceBatch, codes: Tensor, *, drop: float = 0.0) -> Tensor:
    """States of all positions ``[B, L, D]`` for the prompt of ``batch`` followed by ``codes`` ``[B, L, Q]``.

    ``drop`` is the share of frames whose embedding is silenced, so that the text has to be read.
    """
    is_code = batch.codes[..., :1] >= 0
    embedded = model.embeddings.code(codes.clamp_min(0))
    if drop:
        embedded = embedded * (torch.rand(*embedded.shape[:2], 1) > drop)
    x = torch.where(is_code, embedded, model.prompt(batch.text, batch.speakers))
    rows, length, _ = x.shape
    positions = torch.arange(length).expand(rows, -1)
    return cast(Tensor, model.llama(x, positions, WholeRow()))


def own_codes(model: VoiceModel, batch: VoiceBatch, heads: Tensor, share: float, residual_share: float = 0.6) -> Tensor:
    """Scheduled sampling in two passes: inputs that are partly the model's own draws.

    Per row, up to ``share`` of the frames are replaced; in ``residual_share`` of the rows the second stage of every
    frame is, which carries little and is mostly noise.
    Returns: codes ``[B, L, Q]`` to feed in instead of ``batch.codes``.
    Source: arXiv:1506.03099; two passes as arXiv:1906.07651.
    """
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        is_input = batch.codes[..., 0] >= 0
        before = torch.zeros_like(is_input)
        before[:, :-1] = is_input[:, 1:]  # the positions whose output predicts an input frame
        hidden = hidden_states(model, batch, batch.codes)
        logits = model.code_logits(hidden[before], heads).float()[..., :-1]  # the end is no input
        temperature = 0.2 + 0.6 * torch.rand(())
        gumbel = -torch.empty_like(logits).exponential_().log()
        own = batch.codes.clone()
        own[is_input] = (logits / temperature + gumbel).argmax(-1)
    rows, length, books = own.shape
    replaced = (torch.rand(rows, length, 1) < share * torch.rand(rows, 1, 1)).expand(-1, -1, books).clone()
    noisy = torch.rand(rows) < residual_share
    replaced[..., 1::2] |= noisy[:, None, None]
    return torch.where(replaced & is_input[..., None], own, batch.codes)
