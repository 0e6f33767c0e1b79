"""Decode steps by replay: one recording per step shape, where the device has graphs."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

import torch

from vivace.engine.step import StepShape
from vivace.runtime.capability import capabilities
from vivace.runtime.graph import DeviceGraphs, GraphBackend, GraphedCall, Tensors

MOST_SHAPES = 64  # a service sees few: rows and spans come in steps


class GraphedSteps:
    """Calls ``step`` by replay; its eager twin is ``step`` itself.

    A step reads and writes the rows' static memory, so it takes no inputs but its shape.

    Args:
        step: the eager step.
        undisturbed: within it, steps may be run without anybody's state changing: recording runs them several times.
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
        if call.why_not is not None:  # it was logged; nothing else would fare better
            self._enabled = False
            self._calls.clear()
        else:
            self._calls[shape] = call
        return call
