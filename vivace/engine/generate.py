"""The generation loop: prefill once, then one step per frame, for a batch that starts together."""

# B batch, T frames so far, Q codebooks, V vocabulary, D width

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from vivace.engine.protocols import ARModel, ARPrompt
from vivace.engine.sampler_state import SamplingParams
from vivace.engine.sampling import candidates, choose
from vivace.layers.attention import GrowingKV
from vivace.runtime.seed import exponential_noise


class Noise(Protocol):
    """Where the randomness of a step comes from."""

    def __call__(self, step: int, codes: Tensor, codebooks: int, vocabulary: int) -> Tensor | None:
        """Exponential draws for ``codes`` ``[B * Q, K]``, or None for the most likely code."""
        ...


@dataclass(frozen=True)
class SeededNoise:
    """Each row of the batch draws from its own seed, each code of each codebook at its own place."""

    seeds: tuple[int, ...]

    def __call__(self, step: int, codes: Tensor, codebooks: int, vocabulary: int) -> Tensor:
        first = torch.arange(codebooks, device=codes.device)[:, None] * vocabulary
        places = codes.view(len(self.seeds), codebooks, -1) + first
        seeds = torch.tensor(self.seeds, dtype=torch.long, device=codes.device)
        return exponential_noise(seeds, step, places).view(codes.shape)


def greedy(step: int, codes: Tensor, codebooks: int, vocabulary: int) -> None:
    """``Noise`` of a search that always takes the most likely code."""
    return


@dataclass(frozen=True)
class Generation:
    """The result for one row of the batch."""

    codes: Tensor  # [T, Q] int64, the end code excluded
    hidden: Tensor  # [T, D]: the state that predicted each frame
    stopped: bool  # it ended by itself, not at the limit


class Decoding:
    """The state of a batch that is being generated; iterate to take steps."""

    def __init__(self, model: ARModel, prompt: ARPrompt, params: SamplingParams, noise: Noise) -> None:
        assert model.spec.sampling == "recent", "other families sample in the engine only"
        self._model, self._params, self._noise = model, params, noise
        self._batch, self._length, _ = prompt.embeddings.shape
        self._prompt = prompt
        self.temperatures = params.row_temperatures(self._batch, model.spec.codebooks).to(prompt.embeddings.device)
        device = prompt.embeddings.device
        self._ends = torch.zeros(self._batch, dtype=torch.long, device=device)
        self._done = torch.zeros(self._batch, dtype=torch.bool, device=device)
        self._codes: list[Tensor] = []  # [B, Q] per step
        self._hidden: list[Tensor] = []  # [B, D] per step

    @property
    def lengths(self) -> list[int]:
        """Frames of each row so far."""
        return [int(n) for n in self._ends]

    @property
    def done(self) -> list[bool]:
        """Which rows have ended."""
        return [bool(d) for d in self._done]

    def result(self) -> list[Generation]:
        """Each row so far."""
        codes, hidden = torch.stack(self._codes, 1), torch.stack(self._hidden, 1)  # [B, T, Q], [B, T, D]
        ends = zip(self.lengths, self.done, strict=True)
        return [Generation(codes[b, :end], hidden[b, :end], done) for b, (end, done) in enumerate(ends)]

    def steps(self) -> Iterator[int]:
        """Take steps until every row has ended or the limit is reached; yields the number of the step just taken."""
        spec, params = self._model.spec, self._params
        prompt = self._prompt
        room = self._length + min(params.max_new_tokens, 256)
        store = GrowingKV(spec.layers, real=prompt.attention_mask, prefix_len=prompt.prefix_len, capacity=room)
        x, positions = prompt.embeddings, prompt.positions
        limit = min(params.max_new_tokens, spec.max_positions - self._length)
        for step in range(limit):
            hidden = self._model.forward(x, positions, store)[:, -1]  # [B, L, D] -> [B, D]
            codes = self._sample(hidden, step)
            self._hidden.append(hidden)
            self._codes.append(codes)
            self._done |= (codes == spec.end_code).any(-1)
            self._ends += ~self._done
            yield step
            if bool(self._done.all()):
                return
            x, positions = self._model.embed(codes[:, None]), positions[:, -1:] + 1

    def candidates(self, logits: Tensor, history: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the heads ``[B * Q, V]`` -> logits and codes to choose from ``[B * Q, K]``."""
        return candidates(logits, history, self.temperatures, self._params)

    def _sample(self, hidden: Tensor, step: int) -> Tensor:
        spec, params = self._model.spec, self._params
        logits = self._model.logits(hidden).flatten(0, 1)  # [B, Q, V] -> [B * Q, V]
        recent = self._codes[-params.repetition_window :]
        history = torch.stack(recent, -1).flatten(0, 1) if recent else logits.new_zeros(len(logits), 0).long()
        values, codes = self.candidates(logits, history)
        if step < params.min_new_tokens:
            values = values.masked_fill(codes == spec.end_code, -torch.inf)
        noise = self._noise(step, codes, spec.codebooks, spec.vocabulary)
        chosen = choose(values, noise)[:, None]  # [B * Q, 1]: which of the K
        return codes.gather(1, chosen).view(self._batch, spec.codebooks)


@torch.inference_mode()
def generate(model: ARModel, prompt: ARPrompt, params: SamplingParams, noise: Noise) -> list[Generation]:
    """Generate a whole batch, one result per row."""
    decoding = Decoding(model, prompt, params, noise)
    for _ in decoding.steps():
        pass
    return decoding.result()
