"""Training batches: prompt and codes in one row, padded on the right; random crops; the level of each mel bin."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vivace.models.chattts.dvae import MEL, ConvStack
from vivace.models.chattts.frame_stage import gate_pauses
from vivace.models.chattts.text import sounds
from vivace.train.corpus.dataset import FRAMES_PER_CODE, HOP, N_MELS, Corpus, Utterance, vocabulary
from vivace.train.corpus.recording import Samples

# B batch, L positions, N samples, T code frames, F mel frames, Q codebooks, M mel bins, H and O width of a stack inside
# and at its output


NO_CODE, NO_TARGET, NO_POSITION = -1, -100, -1.0
FRONT, BACK = 2, 1  # [Stts] [spk_emb] before the phones, [Ptts] behind them
SILENCE = math.log(MEL.floor)
PAUSE_GATE = 1.2  # natural log: at a mark, frames all of whose bands are below are silence to be


@dataclass(frozen=True)
class VoiceBatch:
    """Right-padded rows ``[Stts] [spk_emb] phones [Ptts] codes``; ``[Ptts]`` predicts the first code."""

    text: Tensor  # [B, L] ids, 0 where there is no text
    codes: Tensor  # [B, L, Q] what is fed in, NO_CODE where there is no code
    targets: Tensor  # [B, L, Q] what is predicted, NO_TARGET where nothing is; the end code behind the last frame
    positions: Tensor  # [B, L] the prompt position that sounds, NO_POSITION where no frame is predicted
    mel: Tensor  # [B, L, 2M] the mel of the predicted frame, in the order of targets
    speakers: Tensor  # [B]
    prompts: tuple[int, ...]  # length of each prompt
    frames: tuple[int, ...]  # T of each row

    @property
    def predicting(self) -> Tensor:
        """``[B, L]`` bool: positions that predict a frame or the end."""
        return self.targets[..., 0] != NO_TARGET


class Collator:
    """Builds batches of one corpus."""

    def __init__(self, corpus: Corpus, speakers: Sequence[str], end_code: int) -> None:
        self._corpus, self._speakers, self._end = corpus, list(speakers), end_code
        self._ids = {token: i for i, token in enumerate(vocabulary())}

    def length(self, u: Utterance) -> int:
        """Positions that ``u`` takes."""
        return FRONT + len(u.tokens) + BACK + u.frames

    def own(self, utterances: Sequence[Utterance], codes: Sequence[Tensor]) -> VoiceBatch:
        """Rows that a model said itself, ``[T, Q]`` each; nothing is known of when it said what.

        Its targets are what it said; ``mel`` and ``positions`` are empty.
        """
        prompts = [self._prompt(u) for u in utterances]
        rows, longest = len(prompts), max(len(p) + len(c) for p, c in zip(prompts, codes, strict=True))
        text = torch.zeros(rows, longest, dtype=torch.long)
        fed = torch.full((rows, longest, codes[0].shape[1]), NO_CODE)
        targets = torch.full_like(fed, NO_TARGET)
        for b, (prompt, spoken) in enumerate(zip(prompts, codes, strict=True)):
            start, end = len(prompt), len(prompt) + len(spoken)
            text[b, :start] = torch.tensor(prompt)
            fed[b, start:end] = spoken
            targets[b, start - 1 : end - 1] = spoken
            targets[b, end - 1] = self._end
        positions = torch.full((rows, longest), NO_POSITION)
        mel = torch.zeros(rows, longest, FRAMES_PER_CODE * N_MELS)
        speakers = torch.tensor([self._speakers.index(u.speaker) for u in utterances])
        return VoiceBatch(
            text, fed, targets, positions, mel, speakers, tuple(map(len, prompts)), tuple(map(len, codes))
        )

    def _prompt(self, u: Utterance) -> list[int]:
        phones = [self._ids[token] for token in u.tokens]
        return [self._ids["[Stts]"], self._ids["[spk_emb]"], *phones, self._ids["[Ptts]"]]

    def batch(self, utterances: Sequence[Utterance]) -> VoiceBatch:
        """Rows that read and predict the teacher's codes."""
        recorded = [torch.from_numpy(self._corpus.codes(u).astype("int64")) for u in utterances]
        rows = self.own(utterances, recorded)
        for b, u in enumerate(utterances):
            predicting = slice(rows.prompts[b] - 1, rows.prompts[b] + u.frames - 1)
            spoken = torch.tensor(u.positions).clamp(max=len(u.tokens) - 0.01)
            rows.positions[b, predicting] = FRONT + spoken
            rows.mel[b, predicting] = self._hushed(u).view(u.frames, -1)
        return rows

    def _hushed(self, u: Utterance) -> Tensor:
        """The mel of ``u`` ``[2T, M]`` with silent pauses: a teacher's echo and murmur there are not worth learning."""
        mel = torch.from_numpy(self._corpus.mel(u))
        read = [u.tokens[min(int(position), len(u.tokens) - 1)] for position in u.positions]
        pause = torch.tensor([not sounds(token) for token in read])
        quiet = gate_pauses(mel, SILENCE, PAUSE_GATE)
        return torch.where(pause.repeat_interleave(FRAMES_PER_CODE)[:, None], quiet, mel)


def buckets(lengths: Sequence[int], budget: int, rng: random.Random) -> list[list[int]]:
    """Indices in batches of at most ``budget`` padded positions, rows of like length together, batches shuffled."""
    order = sorted(range(len(lengths)), key=lambda i: lengths[i] + 20 * rng.random())
    batches: list[list[int]] = [[]]
    longest = 0
    for i in order:
        longest = max(longest, lengths[i])
        if batches[-1] and longest * (len(batches[-1]) + 1) > budget:
            batches.append([])
            longest = lengths[i]
        batches[-1].append(i)
    rng.shuffle(batches)
    return batches


def endless(
    utterances: Sequence[Utterance], collator: Collator, budget: int, rng: random.Random
) -> Iterator[list[Utterance]]:
    """Utterances in batches of at most ``budget`` positions, epoch after epoch."""
    lengths = [collator.length(u) for u in utterances]
    while True:
        for indices in buckets(lengths, budget, rng):
            yield [utterances[i] for i in indices]


class Crops:
    """Crops of whole utterances; a shorter one is followed by silence (wave) or by its last frame (mel)."""

    def __init__(self, corpus: Corpus, utterances: Sequence[Utterance], rng: random.Random) -> None:
        self._corpus, self._utterances, self._rng = corpus, utterances, rng

    def _draw(self, frames: int) -> tuple[Utterance, int]:
        u = self._rng.choice(self._utterances)
        return u, self._rng.randrange(max(1, FRAMES_PER_CODE * u.frames - frames))

    def mel(self, rows: int, frames: int) -> Tensor:
        """``[B, M, F]`` natural-log mel."""
        out = np.empty((rows, N_MELS, frames), np.float32)
        for b in range(rows):
            u, start = self._draw(frames)
            part = self._corpus.mel(u)[start : start + frames]
            out[b] = np.pad(part, ((0, frames - len(part)), (0, 0)), mode="edge").T
        return torch.from_numpy(out)

    def samples(self, rows: int, frames: int) -> Tensor:
        """``[B, F * 256]`` at a random loudness of half to one and a half times the corpus's."""
        waves: list[Samples] = []
        for _ in range(rows):
            u, start = self._draw(frames)
            part = self._corpus.samples(u)[start * HOP : (start + frames) * HOP]
            gain = np.float32(0.5 + self._rng.random())
            waves.append(np.pad(part, (0, frames * HOP - len(part))) * gain)
        return torch.from_numpy(np.stack(waves))


LEVEL = 2.0  # of the constant channel: about the size of the others


def mel_statistics(corpus: Corpus, utterances: Sequence[Utterance], most: int = 200) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each bin ``[M]``, over the first ``most`` utterances."""
    mels: NDArray[np.float32] = np.concatenate([corpus.mel(u) for u in utterances[:most]])
    return torch.from_numpy(mels.mean(0)), torch.from_numpy(mels.std(0) + 1e-3)


@torch.no_grad()
def start_at_mean(stack: ConvStack, out_conv: nn.Conv1d, mean: Tensor) -> None:
    """Make ``out_conv(stack(anything))`` begin around ``mean`` ``[M]``.

    Published decoders have no bias behind the stack, and log-mels lie far below zero. Left to itself a stack needs long
    to get there, and then carries a large constant in all channels, which every step of training shakes. So one channel
    is kept out of the blocks and holds a constant, from which ``conv_out`` makes the mean.
    """
    tensors = stack.state_dict()
    tensors["conv_in.2.weight"][0], tensors["conv_in.2.bias"][0] = 0.0, LEVEL
    for name, tensor in tensors.items():
        if name.startswith("blocks.") and name.endswith((".scale", ".dwconv.weight", ".dwconv.bias")):
            tensor[0] = 0.0
    taps = out_conv.weight.sum(-1).double()  # [M, O]
    ridge = 0.02 * torch.eye(taps.shape[1], dtype=torch.float64)
    wanted = torch.cat((mean.double(), mean.new_zeros(taps.shape[1]).double()))
    column = torch.linalg.lstsq(torch.cat((taps, ridge)), wanted[:, None]).solution[:, 0]
    stack.conv_out.weight[:, 0, 0] = column.float() / LEVEL
