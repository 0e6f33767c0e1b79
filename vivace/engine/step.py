"""A decode step: its fixed shapes, its results, and its replay where the device has graphs."""

# N rows, n rows of a pool, Q codebooks, V vocabulary, D width

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from vivace.runtime.device import capabilities
from vivace.runtime.graph import DeviceGraphs, GraphBackend, GraphedCall, Tensors


@dataclass(frozen=True)
class StepShape:
    """The fixed sizes of a step; a recorded step is replayed for equal shapes."""

    pools: tuple[int, ...]  # those with slots in use; the other fields are by these
    rows: tuple[int, ...]  # padded
    spans: tuple[int, ...]  # keys to look at
    candidates: tuple[int, ...]  # K of the sampler


@dataclass(frozen=True)
class Frame:
    """The result of one step for one slot."""

    codes: Tensor  # [Q] int64 on the CPU
    hidden: Tensor  # [D] on the device
    ended: bool  # the end code was sampled
    broken: bool  # the row's numbers are not finite


def pack(codes: Tensor, logits: Tensor, end_code: int) -> Tensor:
    """Codes ``[n, Q]`` and what else the host has to know, ``[n, Q + 2]``: one copy per step."""
    ended, broken = (codes == end_code).any(-1), ~torch.isfinite(logits).flatten(1).all(-1)
    return torch.cat((codes, ended[:, None].long(), broken[:, None].long()), -1)


def unpack(hidden: Tensor, packed: tuple[Tensor, ...]) -> Iterator[list[Frame]]:
    """Hidden states ``[N, D]`` and what ``pack`` made of each pool -> the pools' frames.

    The one place of a step where the host waits for the device.
    """
    start = 0
    for read in [part.cpu() for part in packed]:
        codes, flags = read[:, :-2], read[:, -2:].tolist()
        yield [Frame(codes[i], hidden[start + i], bool(ended), bool(broken)) for i, (ended, broken) in enumerate(flags)]
        start += len(read)


MOST_SHAPES = 64  # a service sees few: rows and spans come in steps


class GraphedSteps:
    """Calls ``step`` by replay; its eager twin is ``step`` itself.

    A step reads and writes the slots' static memory, so it takes no inputs but its shape.

    Args:
        step: the eager step.
        undisturbed: within it, steps change no state; recording runs them several times.
        enabled: the off switch.
        backend: what records; None: the device's graphs, where it has any.
    """

    def __init__(
        self,
        step: Callable[[StepShape], Tensors],
        undisturbed: Callable[[], AbstractContextManager[None]],
        device: torch.device,
        *,
        enabled: bool,
        backend: GraphBackend | None = None,
    ) -> None:
        self._step, self._undisturbed, self._device = step, undisturbed, device
        if backend is None and enabled and capabilities(device).graphs:
            backend = DeviceGraphs(device)  # one for all shapes: they share their memory
        self._backend, self._enabled = backend, enabled and backend is not None
        self._calls: dict[StepShape, GraphedCall] = {}

    @property
    def recorded(self) -> tuple[StepShape, ...]:
        """The shapes that are replayed."""
        return tuple(self._calls)

    @property
    def replays(self) -> int:
        """Steps that were replays."""
        return sum(call.replays for call in self._calls.values())

    def __call__(self, shape: StepShape) -> Tensors:
        """``step(shape)``."""
        call = self._calls.get(shape)
        if call is None:
            if not self._enabled or len(self._calls) >= MOST_SHAPES:
                return self._step(shape)
            call = self._record(shape)
        return call()

    def _record(self, shape: StepShape) -> GraphedCall:
        name = f"decode step of {sum(shape.rows)} rows, {max(shape.spans)} positions"
        call = GraphedCall(partial(self._step, shape), name, self._device, backend=self._backend)
        with self._undisturbed():
            call.prepare()
        if call.why_not is not None:  # it was logged; other shapes would fail too
            self._enabled = False
            self._calls.clear()
        else:
            self._calls[shape] = call
        return call
