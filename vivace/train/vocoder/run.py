"""The folder of a run: writable, and of one run at a time."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from vivace.errors import SettingsError
from vivace.types import Progress
from vivace.weights.files import replacing


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Make ``folder`` and keep other runs out; the lock goes with the process, however it ends.

    Raises: SettingsError when it cannot be written, or another run is in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock", timeout=0)
        lock.acquire()
    except Timeout as exc:
        raise SettingsError(f"another run writes to {str(folder)!r}; wait for it, or choose another 'out'") from exc
    except OSError as exc:
        raise SettingsError(f"cannot write to {str(folder)!r} ({exc.strerror or exc}); choose another 'out'") from exc
    try:
        yield
    finally:
        lock.release()


Clock = Callable[[], float]


def faster_precision(
    work: Callable[[torch.dtype], object], *, rounds: int = 2, clock: Clock = time.perf_counter
) -> torch.dtype:
    """``bfloat16`` where ``work`` takes less time in it, else ``float32``; the best of ``rounds`` counts.

    Args:
        work: is done in the format it is given, once more than ``rounds`` in each, and must leave nothing behind.
    """
    best: dict[torch.dtype, float] = {}
    for dtype in (torch.float32, torch.bfloat16):
        work(dtype)  # caches and kernels are made
        times = []
        for _ in range(rounds):
            began = clock()
            work(dtype)
            if torch.accelerator.is_available():
                torch.accelerator.synchronize()
            times.append(clock() - began)
        best[dtype] = min(times)
    return min(best, key=lambda dtype: best[dtype])


Row = Mapping[str, float | int]


class StepLog:
    """Appends to a file; lines of steps that a resumed run makes again are taken out first."""

    def __init__(self, path: Path, step: int) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            kept = [line for line in path.read_text(encoding="utf-8").splitlines() if _is_before(line, step)]
            with replacing(path) as part:
                part.write_text("".join(line + "\n" for line in kept), encoding="utf-8")

    def write(self, row: Row) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(
                json.dumps({k: round(v, 6) if isinstance(v, float) and k != "lr" else v for k, v in row.items()})
            )
            file.write("\n")


def _is_before(line: str, step: int) -> bool:
    try:
        row = json.loads(line)
    except ValueError:  # half a line: the run was killed while it wrote
        return False
    return isinstance(row, dict) and row.get("step", 0) <= step


Report = Callable[[str], None]  # one line about what went wrong without ending the job
Advance = Callable[[Progress], None]
