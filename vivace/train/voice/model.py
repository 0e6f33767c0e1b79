"""The trained model (language model, Decoder, speakers, an auxiliary head), its teacher forcing and its losses."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm
from torch.utils.hooks import RemovableHandle

from vivace.layers.attention import SelfAttention, WholeRow
from vivace.layers.decoder_block import DecoderBlock
from vivace.layers.rope import apply_rope
from vivace.models.chattts.dvae import SpectrogramDecoder
from vivace.models.chattts.gpt import Embeddings, Llama
from vivace.train.corpus.dataset import FRAMES_PER_CODE, N_MELS
from vivace.train.preset import MEL_FLOOR, Preset
from vivace.train.voice.batching import NO_POSITION, VoiceBatch
from vivace.train.voice.depthwise import conv_forward, stack_forward

# B batch, L positions, S prompt positions, N predicted positions, T code frames, Q codebooks, V codes, D width,
# d width of a head, M mel bins


class VoiceModel(nn.Module):
    """The product's own modules, with weight-normalized heads as published checkpoints have them.

    ``speakers`` holds one row a teacher, scaled to unit length where it stands in for ``[spk_emb]``; ``mel_head`` reads
    the mel of a frame off its hidden state, which teaches the states faster than codes alone.
    """

    def __init__(self, preset: Preset) -> None:
        super().__init__()
        gpt = preset.sizes.gpt
        self.preset = preset
        self.llama = Llama(gpt)
        self.embeddings = Embeddings(gpt, text_head=False)
        self._initialize(gpt.num_hidden_layers)
        for head in self.embeddings.head_code:
            weight_norm(head, dim=0)
        self.decoder = SpectrogramDecoder(preset.sizes.decoder, N_MELS)
        self.speakers = nn.Embedding(len(preset.speakers), gpt.hidden_size)
        self.mel_head = nn.Linear(gpt.hidden_size, FRAMES_PER_CODE * N_MELS)

    def _initialize(self, layers: int) -> None:
        for name, parameter in (*self.llama.named_parameters(), *self.embeddings.named_parameters()):
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.05 if "emb" in name else 0.02)
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                parameter.data /= (2 * layers) ** 0.5  # residual branches start small

    def head_weights(self) -> Tensor:
        """All code heads as one ``[Q * V, D]``."""
        return torch.cat([cast(Tensor, head.weight) for head in self.embeddings.head_code])

    def code_logits(self, hidden: Tensor, weights: Tensor) -> Tensor:
        """``[N, D]`` -> ``[N, Q, V]``; ``weights`` from ``head_weights``, which a step computes once."""
        books = self.preset.sizes.gpt.num_vq
        logits = nn.functional.linear(hidden, weights)
        return logits.view(*logits.shape[:-1], books, -1)

    def prompt(self, text: Tensor, speakers: Tensor) -> Tensor:
        """Ids ``[B, L]`` and speakers ``[B]`` -> ``[B, L, D]``; the second position is the speaker's."""
        embedded: Tensor = self.embeddings.emb_text(text)
        slot = torch.arange(text.shape[1]) == 1  # [spk_emb]
        return torch.where(slot[:, None], self.speaker_rows(speakers)[:, None], embedded)

    def speaker_rows(self, speaker: Tensor) -> Tensor:
        """``[B]`` -> unit rows ``[B, D]``."""
        return nn.functional.normalize(cast(Tensor, self.speakers(speaker)), dim=-1)


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


@dataclass(frozen=True)
class Weights:
    """How much each part of the loss counts."""

    residual_codes: float = 0.3  # of a second-stage code, against 1 for a first-stage code
    mel_head: float = 0.3
    guide: float = 0.12
    decoder: float = 1.0
    asr: float = 0.3  # of what a listener makes of the model's own speech


def code_loss(logits: Tensor, targets: Tensor, residual_weight: float) -> Tensor:
    """Cross-entropy of ``logits`` ``[N, Q, V]`` with ``targets`` ``[N, Q]``.

    Second-stage codes (odd columns) are near noise and count less; the end code counts fully in every column.
    """
    losses = F.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="none").view_as(targets)
    weights = torch.ones_like(losses)
    weights[:, 1::2] = residual_weight
    weights = weights.masked_fill(targets == logits.shape[-1] - 1, 1.0)
    return (losses * weights).sum() / weights.sum()


def guide_loss(scores: Sequence[Tensor], batch: VoiceBatch, window: float = 1.5) -> tuple[Tensor, float]:
    """How far attention strays from the phone that sounds.

    Args:
        scores: ``[B, L, L]`` attention scores per guided head.
        window: half width, in tokens.
    Returns:
        minus the log of the attention inside the window, averaged; and that attention, 0 to 1.
    """
    guided = batch.positions != NO_POSITION
    keys = torch.arange(batch.text.shape[1]) + 0.5
    near = (keys - batch.positions[..., None]).abs() <= window  # [B, L, L]
    near = near & (batch.text > 0)[:, None]
    total, mass = torch.zeros(()), 0.0
    for score in scores:
        inside = torch.logsumexp(score.masked_fill(~near, -1e9), -1) - torch.logsumexp(score, -1)
        total = total - inside[guided].mean()
        mass += float(inside[guided].detach().exp().mean()) / len(scores)
    return total / len(scores), mass


def mel_head_loss(predicted: Tensor, mel: Tensor, coef: Tensor) -> Tensor:
    """Mean absolute error of ``predicted`` ``[N, 2M]``, which is in units of ``coef`` ``[1, M, 1]``."""
    return (predicted.float() - mel.clamp_min(MEL_FLOOR) / coef.flatten().repeat(FRAMES_PER_CODE)).abs().mean()


def decoder_forward(decoder: SpectrogramDecoder, hidden: Tensor) -> Tensor:
    """``decoder`` at training speed: ``[B, T, D]`` -> ``[B, 2T, M]``."""
    rows, frames, width = hidden.shape
    x = hidden.reshape(rows, FRAMES_PER_CODE * frames, width // FRAMES_PER_CODE)
    mel = conv_forward(decoder.out_conv, stack_forward(decoder.decoder, x))
    return mel.float() * decoder.coef.flatten()


def mel_loss(predicted: Tensor, target: Tensor) -> tuple[Tensor, float]:
    """Loss between ``[N, M]`` natural-log mels, and their mean absolute difference above the floor."""
    audible = predicted.clamp_min(MEL_FLOOR) - target.clamp_min(MEL_FLOOR)
    error = audible.abs().mean()
    silence = (predicted - target).abs().mean()  # keeps quiet frames from floating up
    return error + 0.15 * audible.square().mean() + 0.1 * silence, float(error.detach())


def decoder_loss(
    decoder: SpectrogramDecoder, hidden: Tensor, batch: VoiceBatch, budget: int, rng: random.Random
) -> tuple[Tensor, float]:
    """Mel loss of whole utterances chosen at random, up to ``budget`` code frames; the gradient reaches ``hidden``."""
    chosen: list[int] = []
    for b in rng.sample(range(len(batch.frames)), len(batch.frames)):
        if not chosen or sum(batch.frames[c] for c in chosen) + batch.frames[b] <= budget:
            chosen.append(b)
    longest = max(batch.frames[b] for b in chosen)

    def cut(x: Tensor, b: int) -> Tensor:
        start = batch.prompts[b] - 1
        return F.pad(x[b, start : start + batch.frames[b]], (0, 0, 0, longest - batch.frames[b]))

    states = torch.stack([cut(hidden, b) for b in chosen])
    target = torch.stack([cut(batch.mel, b) for b in chosen]).view(len(chosen), -1, N_MELS)
    real = torch.arange(FRAMES_PER_CODE * longest) < torch.tensor([[FRAMES_PER_CODE * batch.frames[b]] for b in chosen])
    predicted = decoder_forward(decoder, states)
    return mel_loss(predicted[real], target[real])
