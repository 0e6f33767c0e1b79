"""The folder of a run: writable, and of one run at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from vivace.errors import SettingsError


@contextmanager
def own_folder(folder: Path) -> Iterator[None]:
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
