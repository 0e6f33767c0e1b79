"""Runs the model on the rows: prefill, decode steps, and the copying that the scheduler asks for."""

# n rows of a lane, N rows of a step, L prompt positions, Q codebooks, D width

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from vivace.engine.kv_cache import LaneKV, LaneStep, PrefillStore, SavedKV, StepStore, span_of
from vivace.engine.prefix_cache import PrefixCache
from vivace.engine.protocols import ARModel, ARPrompt
from vivace.engine.sampler_state import RowState, SamplingParams, SavedRow
from vivace.engine.sampling import candidate_count, sample_by_presence, sample_rows
from vivace.engine.sequence import Lane, Place
from vivace.engine.step import Frame, GraphedSteps, StepShape, pack, unpack
from vivace.layers.native.kernels import Kernels
from vivace.runtime.graph import GraphBackend

Sampler = Callable[[Tensor, RowState, int, int], Tensor]


@dataclass(frozen=True)
class ParkedRow:
    """All that a row held; it goes on from there, to bits."""

    kv: SavedKV
    state: SavedRow
    top_k: int


class Runner:
    """Owns the memory of all lanes. Not thread-safe: one thread owns the device."""

    def __init__(
        self,
        modes: Mapping[str, ARModel],
        lanes: Sequence[Lane],
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
        self._models = [modes[lane.mode] for lane in lanes]
        self._kv: list[LaneKV] = []
        self._state: list[RowState] = []
        self._top_k: list[list[int]] = []  # by lane and row, known here so that nobody has to ask the device
        for lane, model in zip(lanes, self._models, strict=True):
            spec, rows = model.spec, padded(lane.rows, device)
            kv = LaneKV(spec.layers, rows, spec.heads, lane.positions, spec.head_dim, dtype=dtype, device=device)
            self._kv.append(kv)
            said = spec.vocabulary if spec.sampling == "presence" else 0
            self._state.append(RowState.empty(rows, spec.codebooks, device=device, said=said))
            self._top_k.append([1] * rows)
        self.prefixes = PrefixCache(prefix_bytes)
        self._steps = GraphedSteps(self._step, self._undisturbed, device, enabled=graphs, backend=backend)

    @property
    def graphs(self) -> GraphedSteps:
        """How decode steps are run."""
        return self._steps

    @property
    def nbytes(self) -> int:
        """Memory of all rows, whether in use or not."""
        return sum(kv.nbytes for kv in self._kv)

    def prefill(self, place: Place, prompt: ARPrompt, params: SamplingParams, seed: int | None) -> Frame:
        """Read a prompt ``[1, L, D]`` into a row and draw the first frame."""
        model, kv, state = self._models[place.lane], self._kv[place.lane], self._state[place.lane]
        spec, length, start = model.spec, prompt.embeddings.shape[1], 0
        top_k = state.enter(
            place.row,
            params,
            spec.vocabulary,
            seed=seed,
            length=length,
            origin=prompt.origin,
            said=prompt.history,
        )
        self._top_k[place.lane][place.row] = top_k
        if prompt.shared is not None:
            # Always read apart from what follows it, so that the first request hears what later ones do.
            start = prompt.shared.length
            saved = self.prefixes.get(prompt.shared.key)
            if saved is None:
                self._read(place, prompt, 0, start)
                self.prefixes.put(prompt.shared.key, kv.save(place.row, start))
            else:
                kv.restore(place.row, saved)
        hidden = self._read(place, prompt, start, length)
        logits = model.logits(hidden)
        row = state[place.row : place.row + 1]
        sample = self._samplers[spec.sampling]
        codes = sample(logits, row, spec.end_code, candidate_count(top_k, spec.vocabulary))
        row.commit(codes)
        return next(unpack(hidden, (pack(codes, logits, spec.end_code),)))[0]

    def decode(self, counts: Sequence[int], longest: Sequence[int]) -> list[list[Frame]]:
        """One step of the first ``counts[i]`` rows of every lane.

        Args:
            longest: the most positions a row of each lane holds.
        Returns:
            one frame per row, by lane.
        """
        lanes = [i for i, count in enumerate(counts) if count]
        shape = StepShape(
            tuple(lanes),
            tuple(padded(counts[i], self._device) for i in lanes),
            tuple(span_of(longest[i] + 1, self._kv[i].positions) for i in lanes),
            tuple(candidate_count(max(self._top_k[i][: counts[i]]), self._models[i].spec.vocabulary) for i in lanes),
        )
        hidden, *packed = self._steps(shape)
        made: list[list[Frame]] = [[] for _ in counts]
        for lane, frames in zip(shape.lanes, unpack(hidden, tuple(packed)), strict=True):
            made[lane] = frames[: counts[lane]]
        return made

    def park(self, place: Place, length: int) -> ParkedRow:
        """Copy a row that holds ``length`` positions."""
        kv, state = self._kv[place.lane].save(place.row, length), self._state[place.lane].save(place.row)
        return ParkedRow(kv, state, self._top_k[place.lane][place.row])

    def resume(self, place: Place, parked: ParkedRow) -> None:
        """Put a parked row into a free one."""
        self._kv[place.lane].restore(place.row, parked.kv)
        self._state[place.lane].restore(place.row, parked.state)
        self._top_k[place.lane][place.row] = parked.top_k

    def move(self, source: Place, target: Place, length: int) -> None:
        """Copy a row over a free one of its lane and free it."""
        lane = source.lane
        self._kv[lane].move(source.row, target.row, length)
        self._state[lane].restore(target.row, self._state[lane].save(source.row))
        self._top_k[lane][target.row] = self._top_k[lane][source.row]
        self._state[lane].leave(source.row)

    def free(self, place: Place) -> None:
        """Nobody is in a row any more."""
        self._state[place.lane].leave(place.row)

    def clear(self, place: Place) -> None:
        """Empty a row whose numbers went wrong, so that they cannot reach the next one in it."""
        self._kv[place.lane].clear(place.row)

    def _read(self, place: Place, prompt: ARPrompt, start: int, end: int) -> Tensor:
        """Positions ``start`` to ``end`` of a prompt into its row; the hidden state of the last one, ``[1, D]``."""
        store = PrefillStore(self._kv[place.lane], place.row, start, prompt.prefix_len, self._native)
        positions = torch.arange(start, end, device=prompt.embeddings.device)[None] - prompt.origin
        return self._models[place.lane].forward(prompt.embeddings[:, start:end], positions, store)[:, -1]

    def _step(self, shape: StepShape) -> tuple[Tensor, ...]:
        """The eager step: hidden states ``[N, D]``, then of each lane what the host has to know."""
        states = [self._state[lane][:rows] for lane, rows in zip(shape.lanes, shape.rows, strict=True)]
        models = [self._models[lane] for lane in shape.lanes]
        heard = [model.embed(state.last[:, None]) for model, state in zip(models, states, strict=True)]
        store = StepStore(
            [
                LaneStep(self._kv[lane], rows, span, state.length)
                for lane, rows, span, state in zip(shape.lanes, shape.rows, shape.spans, states, strict=True)
            ],
            self._native,
        )
        positions = torch.cat([state.length - state.origin for state in states])[:, None]
        hidden = models[0].forward(torch.cat(heard), positions, store)[:, 0]  # [N, 1, D] -> [N, D]
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
        """Steps within leave every row as it was: nobody is in it, so nothing grows, and what is said is forgotten."""
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
