"""Runs the model on the slots: prefill, decode steps, and the copies that the scheduler plans."""

# n rows of a pool, N rows of a step, L prompt positions, Q codebooks, D width

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from vivace.engine.kv_cache import PoolKV, PoolStep, PrefillStore, PrefixCache, SavedKV, StepStore, span_of
from vivace.engine.protocols import ARModel, ARPrompt
from vivace.engine.sampler_state import SamplerState, SamplingParams, SavedSamplerState
from vivace.engine.sampling import candidate_count, sample_by_presence, sample_rows
from vivace.engine.sequence import Slot, SlotPool
from vivace.engine.step import Frame, GraphedSteps, StepShape, pack, unpack
from vivace.layers.native.kernels import Kernels
from vivace.runtime.graph import GraphBackend

Sampler = Callable[[Tensor, SamplerState, int, int], Tensor]


@dataclass(frozen=True)
class PreemptedState:
    """The contents of a slot. A request that is swapped in again continues bit-identically."""

    kv: SavedKV
    state: SavedSamplerState
    top_k: int


class ModelRunner:
    """Owns the memory of all pools. Not thread-safe: one thread owns the device."""

    def __init__(
        self,
        modes: Mapping[str, ARModel],
        pools: Sequence[SlotPool],
        *,
        dtype: torch.dtype,
        device: torch.device,
        prefix_bytes: int,
        graphs: bool = False,
        backend: GraphBackend | None = None,
        native: Kernels | None = None,
    ) -> None:
        self._device = device
        self._native = native
        self._samplers: dict[str, Sampler] = {
            "recent": partial(sample_rows, native=native),
            "presence": sample_by_presence,
        }
        self._models = [modes[pool.mode] for pool in pools]
        self._kv: list[PoolKV] = []
        self._state: list[SamplerState] = []
        self._top_k: list[list[int]] = []  # by pool and slot, held here so that no step reads the device
        for pool, model in zip(pools, self._models, strict=True):
            spec, rows = model.spec, padded(pool.slots, device)
            kv = PoolKV(spec.layers, rows, spec.heads, pool.positions, spec.head_dim, dtype=dtype, device=device)
            self._kv.append(kv)
            seen_tokens = spec.vocabulary if spec.sampling == "presence" else 0
            self._state.append(SamplerState.empty(rows, spec.codebooks, device=device, seen_tokens=seen_tokens))
            self._top_k.append([1] * rows)
        self.prefixes = PrefixCache(prefix_bytes)
        self._steps = GraphedSteps(self._step, self._undisturbed, device, enabled=graphs, backend=backend)

    @property
    def graphs(self) -> GraphedSteps:
        """How decode steps are run."""
        return self._steps

    @property
    def nbytes(self) -> int:
        """Memory of all slots, whether in use or not."""
        return sum(kv.nbytes for kv in self._kv)

    def prefill(self, slot: Slot, prompt: ARPrompt, params: SamplingParams, seed: int | None) -> Frame:
        """Read a prompt ``[1, L, D]`` into a slot and draw the first frame."""
        model, kv, state = self._models[slot.pool], self._kv[slot.pool], self._state[slot.pool]
        spec, length, start = model.spec, prompt.embeddings.shape[1], 0
        top_k = state.enter(
            slot.index,
            params,
            spec.vocabulary,
            seed=seed,
            length=length,
            position_offset=prompt.position_offset,
            seen_tokens=prompt.history,
        )
        self._top_k[slot.pool][slot.index] = top_k
        if prompt.shared is not None:
            # Always read apart from the rest, so that the first request computes the same as later ones.
            start = prompt.shared.length
            saved = self.prefixes.get(prompt.shared.key)
            if saved is None:
                self._read(slot, prompt, 0, start)
                self.prefixes.put(prompt.shared.key, kv.save(slot.index, start))
            else:
                kv.restore(slot.index, saved)
        hidden = self._read(slot, prompt, start, length)
        logits = model.logits(hidden)
        row = state[slot.index : slot.index + 1]
        sample = self._samplers[spec.sampling]
        codes = sample(logits, row, spec.end_code, candidate_count(top_k, spec.vocabulary))
        row.commit(codes)
        return next(unpack(hidden, (pack(codes, logits, spec.end_code),)))[0]

    def decode(self, counts: Sequence[int], longest: Sequence[int]) -> list[list[Frame]]:
        """One step of the first ``counts[i]`` slots of every pool.

        Args:
            longest: the most positions that a slot of each pool holds.
        Returns:
            one frame per slot, by pool.
        """
        pools = [i for i, count in enumerate(counts) if count]
        shape = StepShape(
            tuple(pools),
            tuple(padded(counts[i], self._device) for i in pools),
            tuple(span_of(longest[i] + 1, self._kv[i].positions) for i in pools),
            tuple(candidate_count(max(self._top_k[i][: counts[i]]), self._models[i].spec.vocabulary) for i in pools),
        )
        hidden, *packed = self._steps(shape)
        made: list[list[Frame]] = [[] for _ in counts]
        for pool, frames in zip(shape.pools, unpack(hidden, tuple(packed)), strict=True):
            made[pool] = frames[: counts[pool]]
        return made

    def swap_out(self, slot: Slot, length: int) -> PreemptedState:
        """Copy a slot that holds ``length`` positions."""
        kv, state = self._kv[slot.pool].save(slot.index, length), self._state[slot.pool].save(slot.index)
        return PreemptedState(kv, state, self._top_k[slot.pool][slot.index])

    def swap_in(self, slot: Slot, preempted: PreemptedState) -> None:
        """Copy the contents of a preempted request into a free slot."""
        self._kv[slot.pool].restore(slot.index, preempted.kv)
        self._state[slot.pool].restore(slot.index, preempted.state)
        self._top_k[slot.pool][slot.index] = preempted.top_k

    def move(self, source: Slot, target: Slot, length: int) -> None:
        """Copy a slot over a free one of its pool and free it."""
        pool = source.pool
        self._kv[pool].move(source.index, target.index, length)
        self._state[pool].restore(target.index, self._state[pool].save(source.index))
        self._top_k[pool][target.index] = self._top_k[pool][source.index]
        self._state[pool].leave(source.index)

    def free(self, slot: Slot) -> None:
        """Free a slot."""
        self._state[slot.pool].leave(slot.index)

    def clear(self, slot: Slot) -> None:
        """Clear a slot whose numbers are not finite, so that they cannot reach the next request in it."""
        self._kv[slot.pool].clear(slot.index)

    def _read(self, slot: Slot, prompt: ARPrompt, start: int, end: int) -> Tensor:
        """Positions ``start`` to ``end`` of a prompt into its slot; the hidden state of the last one, ``[1, D]``."""
        store = PrefillStore(self._kv[slot.pool], slot.index, start, prompt.prefix_len, self._native)
        positions = torch.arange(start, end, device=prompt.embeddings.device)[None] - prompt.position_offset
        return self._models[slot.pool].forward(prompt.embeddings[:, start:end], positions, store)[:, -1]

    def _step(self, shape: StepShape) -> tuple[Tensor, ...]:
        """The eager step: hidden states ``[N, D]``, then of each pool what the host has to know."""
        states = [self._state[pool][:rows] for pool, rows in zip(shape.pools, shape.rows, strict=True)]
        models = [self._models[pool] for pool in shape.pools]
        embedded = [model.embed(state.last[:, None]) for model, state in zip(models, states, strict=True)]
        store = StepStore(
            [
                PoolStep(self._kv[pool], rows, span, state.length)
                for pool, rows, span, state in zip(shape.pools, shape.rows, shape.spans, states, strict=True)
            ],
            self._native,
        )
        positions = torch.cat([state.length - state.position_offset for state in states])[:, None]
        hidden = models[0].forward(torch.cat(embedded), positions, store)[:, 0]  # [N, 1, D] -> [N, D]
        packed, start = [], 0
        for model, state, rows, candidates in zip(models, states, shape.rows, shape.candidates, strict=True):
            logits = model.logits(hidden[start : start + rows])
            codes = self._samplers[model.spec.sampling](logits, state, model.spec.end_code, candidates)
            state.commit(codes)
            state.grow()
            packed.append(pack(codes, logits, model.spec.end_code))
            start += rows
        return hidden, *packed

    @contextmanager
    def _undisturbed(self) -> Iterator[None]:
        """Steps within leave every slot as it was: all count as empty, so their sampled codes are dropped."""
        before = [state.snapshot() for state in self._state]
        for state in self._state:
            state.flags.zero_()
        yield
        for state, saved in zip(self._state, before, strict=True):
            state.put_back(saved)


def padded(rows: int, device: torch.device) -> int:
    """Rows a step is run with when ``rows`` are in use.

    The CPU runs as many as there are; its matrices see to it that no row depends on how many (``layers``). Elsewhere
    the next power of two up to 8, then multiples of 8: few shapes to capture.
    """
    if device.type == "cpu":
        return rows
    return next((n for n in (1, 2, 4) if rows <= n), -(-rows // 8) * 8)
