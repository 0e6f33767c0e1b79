"""Record a run of fixed shapes once, then replay it: one launch in place of hundreds.

Used by batch size in the engine, by window length and number of rows in the vocoder. What is recorded must do the same
work each time: no shape, no branch and no copy to the host may depend on numbers in tensors.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from vivace.runtime.device import capabilities

logger = logging.getLogger(__name__)

Tensors = tuple[Tensor, ...]
Run = Callable[..., Tensors]
Key = tuple[tuple[tuple[int, ...], torch.dtype], ...]

WARM_UPS = 2  # libraries choose their algorithms and take their workspaces before anything is recorded
LEAST_FREE_BYTES = 512 << 20  # a recording keeps its intermediates; with less than this left, none is made
MOST_SHAPES = 64


@dataclass(frozen=True, eq=False)
class RecordedGraph:
    """A run that can be repeated: ``replay`` reads the inputs it was recorded with, and fills ``outputs`` anew."""

    outputs: Tensors
    replay: Callable[[], None]


class GraphBackend(Protocol):
    """Records runs for replay."""

    def record(self, run: Callable[[], Tensors]) -> RecordedGraph:
        """Record ``run``. Raises: RuntimeError when it cannot be recorded."""
        ...

    def synchronize(self) -> None:
        """Wait until the device has done what it was given."""
        ...

    def free_bytes(self) -> int | None:
        """Free memory; None where it is not known."""
        ...


class DeviceGraphs:
    """Graphs of the accelerator: ``torch.accelerator.Graph``, or CUDA's where torch is older."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._pool: Any = None  # all recordings share one: they never run at once

    def record(self, run: Callable[[], Tensors]) -> RecordedGraph:
        make = getattr(torch.accelerator, "Graph", None)
        stream = torch.Stream(self._device)
        stream.wait_stream(torch.accelerator.current_stream(self._device))
        if make is not None:
            graph = make(pool=self._pool)
            with stream, graph:
                outputs = run()
        else:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=self._pool):
                outputs = run()
        torch.accelerator.current_stream(self._device).wait_stream(stream)
        self._pool = self._pool or graph.pool()
        return RecordedGraph(outputs, graph.replay)

    def synchronize(self) -> None:
        torch.accelerator.synchronize(self._device)

    def free_bytes(self) -> int | None:
        ask = getattr(torch.accelerator, "get_memory_info", None) or getattr(torch.cuda, "mem_get_info", None)
        return None if ask is None else int(ask(self._device)[0])


@dataclass(frozen=True, eq=False)
class _Recorded:
    inputs: Tensors
    recording: RecordedGraph


class GraphedCall:
    """``run`` by replay: each combination of input shapes is recorded when it first comes, and replayed from then on.

    Where the device has no graphs, memory is short or recording fails, ``run`` is called as it is; the reason is logged
    once and kept in ``why_not``.

    Args:
        run: tensors of fixed shapes -> tuple of tensors, nothing else.
        name: what logs call it.
        enabled: the off switch.
        backend: what records; None: the device's graphs.
        own_outputs: give copies. Otherwise the outputs are overwritten by the next call of those shapes.
    """

    def __init__(
        self,
        run: Run,
        name: str,
        device: torch.device,
        *,
        enabled: bool = True,
        backend: GraphBackend | None = None,
        own_outputs: bool = True,
        most_shapes: int = MOST_SHAPES,
    ) -> None:
        self._run, self._name, self._own, self._most = run, name, own_outputs, most_shapes
        self._recorded: dict[Key, _Recorded] = {}
        self.why_not: str | None = None
        self.replays = 0
        if not enabled:
            self.why_not = "switched off"
        elif backend is None and not capabilities(device).graphs:
            self.why_not = f"{device.type} has no graphs"
        self._backend: GraphBackend = backend or DeviceGraphs(device)

    @property
    def shapes(self) -> tuple[tuple[tuple[int, ...], ...], ...]:
        """The input shapes that are recorded."""
        return tuple(tuple(shape for shape, _ in key) for key in self._recorded)

    @torch.inference_mode()
    def __call__(self, *inputs: Tensor) -> Tensors:
        """``run(*inputs)``."""
        if self.why_not is not None:
            return self._run(*inputs)
        key = tuple((tuple(given.shape), given.dtype) for given in inputs)
        found = self._recorded.get(key) or self._record(key, inputs)
        if found is None:
            return self._run(*inputs)
        if inputs:
            torch._foreach_copy_(list(found.inputs), list(inputs))
        found.recording.replay()
        self.replays += 1
        outputs = found.recording.outputs
        return tuple(output.clone() for output in outputs) if self._own else outputs

    @torch.inference_mode()
    def prepare(self, *inputs: Tensor) -> None:
        """Record what a call with ``inputs`` would record, and replay nothing; ``run`` is called several times."""
        key = tuple((tuple(given.shape), given.dtype) for given in inputs)
        if self.why_not is None and key not in self._recorded:
            self._record(key, inputs)

    def _record(self, key: Key, inputs: Tensors) -> _Recorded | None:
        if len(self._recorded) >= self._most:
            return None
        free = self._backend.free_bytes()
        if free is not None and free < LEAST_FREE_BYTES:
            self._give_up(f"only {free >> 20} MB of memory are left")
            return None
        static = tuple(given.clone() for given in inputs)
        started = time.perf_counter()
        try:
            for _ in range(WARM_UPS):
                self._run(*static)
            recording = self._backend.record(lambda: self._run(*static))
        except (RuntimeError, NotImplementedError) as exc:  # out of memory is one of them
            self._give_up(f"recording failed ({(str(exc) or type(exc).__name__).splitlines()[0]})")
            return None
        seconds = time.perf_counter() - started
        self._recorded[key] = found = _Recorded(static, recording)
        eager, replayed = self._timed(lambda: self._run(*static)), self._timed(recording.replay)
        shapes = ", ".join("x".join(map(str, shape)) for shape, _ in key[:2])
        logger.info(
            "%s: recorded a graph of %s in %.2f s; a run takes %.2f ms in place of %.2f ms, %.2f ms saved",
            *(self._name, shapes, seconds, 1e3 * replayed, 1e3 * eager, 1e3 * (eager - replayed)),
        )
        return found

    def _timed(self, run: Callable[[], object]) -> float:
        """Seconds of one run."""
        self._backend.synchronize()
        started = time.perf_counter()
        run()
        self._backend.synchronize()
        return time.perf_counter() - started

    def _give_up(self, reason: str) -> None:
        self.why_not = reason
        self._recorded.clear()
        logger.warning("%s: %s; running without graphs", self._name, reason)


def bucket_of(count: int, buckets: tuple[int, ...]) -> int | None:
    """The smallest of the ascending ``buckets`` that holds ``count``; None: none does."""
    return next((bucket for bucket in buckets if bucket >= count), None)
