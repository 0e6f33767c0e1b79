"""The most memory that a run takes beyond what was there before it."""

import gc
import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import torch

from vivace.runtime.memory import give_back_free_memory

STATM = Path("/proc/self/statm")  # Linux
INTERVAL_S = 0.002


class PeakMemory:
    """``with PeakMemory(device) as peak: …`` and then ``peak.bytes``: of the device, or of the process on the CPU.

    On the CPU the resident set is looked at every two milliseconds. Elsewhere than on Linux nobody tells: None.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.bytes: int | None = None
        self._stop = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._before = self._most = 0

    def __enter__(self) -> Self:
        gc.collect()
        if self._device.type != "cpu":
            torch.accelerator.synchronize(self._device)
            torch.accelerator.reset_peak_memory_stats(self._device)
            self._before = torch.accelerator.memory_allocated(self._device)
        elif STATM.exists():
            give_back_free_memory()  # so that what this run takes is seen
            self._before = self._most = _resident()
            self._watch.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._device.type != "cpu":
            torch.accelerator.synchronize(self._device)
            self.bytes = torch.accelerator.max_memory_allocated(self._device) - self._before
        elif self._watch.is_alive():
            self._stop.set()
            self._watch.join()
            self.bytes = max(self._most, _resident()) - self._before

    def _look(self) -> None:
        while not self._stop.wait(INTERVAL_S):
            self._most = max(self._most, _resident())


def _resident() -> int:
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
