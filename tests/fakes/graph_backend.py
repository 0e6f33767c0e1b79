"""Graphs without a device: a recording repeats the run and fills the outputs of the first one."""

from collections.abc import Callable

from torch import Tensor

from vivace.runtime.graph import RecordedGraph


class FakeGraphs:
    """``GraphBackend``.

    Args:
        fails: whether nothing can be recorded.
        free: bytes of memory that are said to be left.
    """

    def __init__(self, *, fails: bool = False, free: int | None = None) -> None:
        self.recorded = self.replayed = 0
        self._fails, self._free = fails, free

    def record(self, run: Callable[[], tuple[Tensor, ...]]) -> RecordedGraph:
        if self._fails:
            raise RuntimeError("operation not permitted when stream is capturing\nmore")
        self.recorded += 1
        outputs = tuple(output.clone() for output in run())

        def replay() -> None:
            self.replayed += 1
            for old, new in zip(outputs, run(), strict=True):
                old.copy_(new)

        return RecordedGraph(outputs, replay)

    def synchronize(self) -> None:
        pass

    def free_bytes(self) -> int | None:
        return self._free
