"""Reports of all benchmarks as JSON, and the peak memory of a run."""

import gc
import json
import math
import os
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import torch

from vivace.models.cpu_speed import cpu_kind
from vivace.runtime.process import give_back_free_memory

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True)
class Machine:
    """The conditions that every report names."""

    device: str
    threads: int
    torch: str
    cpu_kind: str  # of the compiled kernels; ``none``: plain torch

    def __str__(self) -> str:
        kind = "no compiled kernels" if self.cpu_kind == "none" else f"CPU kind {self.cpu_kind}"
        return f"{self.device}, threads: {self.threads}, torch {self.torch}, {kind}"


def machine_of(device: str, threads: int | None = None) -> Machine:
    """The machine as it is set now. ``threads``: of torch by default."""
    return Machine(device, threads or torch.get_num_threads(), torch.__version__, cpu_kind())


def as_json(report: "DataclassInstance", **replaced: object) -> str:
    """A report as one line of JSON; a number that is not a number (nothing was measured) is null.

    Args:
        replaced: fields that stand in for those of the report, or beside them.
    """
    fields = asdict(report)
    fields = {**fields.pop("machine", {}), **fields}
    return json.dumps(_known({**fields, **replaced}))


def _known(value: object) -> object:
    if isinstance(value, dict):
        return {key: _known(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_known(one) for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value


STATM = Path("/proc/self/statm")  # Linux
INTERVAL_S = 0.002


class PeakMemory:
    """``with PeakMemory(device) as peak: …`` and then ``peak.bytes``: of the device, or of the process on the CPU.

    On the CPU the resident set is sampled every two milliseconds, on Linux only; elsewhere ``bytes`` is None.
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
