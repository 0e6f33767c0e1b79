"""Which entries a folder of blobs holds, how large they are and when they were last used: one sqlite file.

Several processes may have it open. It can always be made again from the files, so nothing waits for the disk to
confirm, and a damaged index is thrown away.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

WAIT_S = 5.0  # for another process that writes
LAYOUT = "CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, size INTEGER NOT NULL, used REAL NOT NULL)"
BY_AGE = "CREATE INDEX IF NOT EXISTS by_age ON entries (used)"


class Index:
    """``scan`` lists what is really there, as rows (key, size, time of last use); it is asked when the index is opened.

    So files that a killed process left without a row are counted, too.
    """

    def __init__(self, path: Path, scan: Callable[[], Iterable[tuple[str, int, float]]]) -> None:
        self._path, self._scan = path, scan
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None

    def add(self, key: str, size: int) -> None:
        """There is such an entry, and it was used just now."""
        row = (key, size, time.time())
        self._run(lambda db: db.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?)", row))

    def remove(self, key: str) -> None:
        """There is no such entry any more."""
        self._run(lambda db: db.execute("DELETE FROM entries WHERE key = ?", (key,)))

    def totals(self) -> tuple[int, int]:
        """Number and bytes of all entries."""
        count, size = self._run(
            lambda db: db.execute("SELECT COUNT(*), COALESCE(SUM(size), 0) FROM entries").fetchone()
        )
        return int(count), int(size)

    def take_oldest(self, keep_bytes: int) -> list[str]:
        """Forget the least recently used entries until at most ``keep_bytes`` are left, and name them."""
        return self._run(lambda db: _take_oldest(db, keep_bytes))

    def clear(self) -> list[str]:
        """Forget all, and name them."""
        return self._run(lambda db: _take_oldest(db, -1))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """One transaction. Raises: sqlite3.Error, OSError when even a fresh index cannot be used."""
        with self._lock:
            try:
                return _transact(self._open(), work)
            except sqlite3.OperationalError:  # busy for too long, a full disk, a folder that has gone
                self._drop(delete=False)
                raise
            except sqlite3.DatabaseError:  # no database any more
                self._drop(delete=True)
                return _transact(self._open(), work)

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(self._path, timeout=WAIT_S, isolation_level=None, check_same_thread=False)
            self._database.execute("PRAGMA synchronous = OFF")
            self._database.execute(LAYOUT)
            self._database.execute(BY_AGE)
            self._database.executemany("INSERT OR IGNORE INTO entries VALUES (?, ?, ?)", list(self._scan()))
        return self._database

    def _drop(self, *, delete: bool) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None
        if delete:
            self._path.unlink(missing_ok=True)


def _transact(database: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    database.execute("BEGIN IMMEDIATE")
    try:
        result = work(database)
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")
    return result


def _take_oldest(database: sqlite3.Connection, keep_bytes: int) -> list[str]:
    (total,) = database.execute("SELECT COALESCE(SUM(size), 0) FROM entries").fetchone()
    taken = []
    for key, size in database.execute("SELECT key, size FROM entries ORDER BY used"):
        if total <= keep_bytes:
            break
        taken.append(key)
        total -= size
    database.executemany("DELETE FROM entries WHERE key = ?", [(key,) for key in taken])
    return taken
