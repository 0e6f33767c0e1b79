"""A cache on disk: a folder of files, each with its checksum, and an index of them in one sqlite file.

Files appear whole or not at all; an entry whose content is not what was written is a miss and is removed. Errors of the
disk are logged and cost the cache, never the answer. Several processes may share a folder. The index can be rebuilt
from the files, so nothing waits for the disk to confirm, and a damaged index is discarded.
"""

import hashlib
import logging
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from vivace.cache.caches import CacheStats
from vivace.weights.files import replacing

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
        """Add a row, or mark it as used now."""
        row = (key, size, time.time())
        self._run(lambda db: db.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?)", row))

    def remove(self, key: str) -> None:
        """Remove a row."""
        self._run(lambda db: db.execute("DELETE FROM entries WHERE key = ?", (key,)))

    def totals(self) -> tuple[int, int]:
        """Number and bytes of all entries."""
        count, size = self._run(
            lambda db: db.execute("SELECT COUNT(*), COALESCE(SUM(size), 0) FROM entries").fetchone()
        )
        return int(count), int(size)

    def take_oldest(self, keep_bytes: int) -> list[str]:
        """Remove the least recently used rows until at most ``keep_bytes`` are left, and return their keys."""
        return self._run(lambda db: _take_oldest(db, keep_bytes))

    def clear(self) -> list[str]:
        """Remove all rows and return their keys."""
        return self._run(lambda db: _take_oldest(db, -1))

    def close(self) -> None:
        """Close the file."""
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


log = logging.getLogger(__name__)

KEY = re.compile(r"[0-9a-f]{64}")
DIGEST = hashlib.sha256().digest_size  # bytes before the content
ABANDONED_S = 3600.0  # no file takes so long to write
ROOM = 0.9  # how full the cache is after something had to leave


class DiskCache:
    """At most about ``max_bytes`` of files under ``folder``."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder, self._max_bytes = folder, max_bytes
        self._index = Index(folder / "index.sqlite", self._scan)
        self._lock = threading.Lock()
        self._hits = self._misses = 0

    def get(self, key: str) -> bytes | None:
        """The content under a key, or None. A damaged entry is removed."""
        content = self._read(key)
        with self._lock:
            self._hits += content is not None
            self._misses += content is None
        return content

    def put(self, key: str, content: bytes) -> None:
        """Store ``content``, unless it alone is larger than the cache or the disk refuses."""
        size = DIGEST + len(content)
        if size > self._max_bytes:
            return
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as part:
                part.write_bytes(hashlib.sha256(content).digest() + content)
            self._index.add(key, size)
            if self._index.totals()[1] > self._max_bytes:
                for old in self._index.take_oldest(int(self._max_bytes * ROOM)):
                    self._path(old).unlink(missing_ok=True)
        except (OSError, sqlite3.Error) as exc:
            log.warning("cannot keep a result in %s (%s); it is answered all the same", self._folder, exc)

    def clear(self) -> None:
        """Remove every entry."""
        try:
            for key in {*self._index.clear(), *(key for key, *_ in self._scan())}:
                self._path(key).unlink(missing_ok=True)
        except (OSError, sqlite3.Error) as exc:
            log.warning("cannot clear %s (%s)", self._folder, exc)

    def close(self) -> None:
        """Close the index."""
        self._index.close()

    @property
    def stats(self) -> CacheStats:
        """Look-ups of this process; entries and bytes of all processes."""
        try:
            entries, size = self._index.totals()
        except (OSError, sqlite3.Error):
            entries, size = 0, 0
        with self._lock:
            return CacheStats(self._hits, self._misses, entries, size)

    def _read(self, key: str) -> bytes | None:
        path = self._path(key)
        try:
            stored = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as exc:
            log.warning("cannot read %s (%s)", path, exc)
            return None
        content = stored[DIGEST:]
        if hashlib.sha256(content).digest() != stored[:DIGEST]:
            log.warning("%s is damaged; it is removed and made again", path)
            self._forget(key)
            return None
        try:
            self._index.add(key, len(stored))
        except (OSError, sqlite3.Error) as exc:
            log.warning("cannot use the index of %s (%s)", self._folder, exc)
        return content

    def _forget(self, key: str) -> None:
        try:
            self._path(key).unlink(missing_ok=True)
            self._index.remove(key)
        except (OSError, sqlite3.Error) as exc:
            log.warning("cannot remove the entry %s of %s (%s)", key, self._folder, exc)

    def _scan(self) -> Iterator[tuple[str, int, float]]:
        """Rows of the index; what a killed process left half-written goes."""
        for file in self._folder.glob("??/*"):
            try:
                found = file.stat()
                if KEY.fullmatch(file.name):
                    yield file.name, found.st_size, found.st_mtime
                elif found.st_mtime < time.time() - ABANDONED_S:
                    file.unlink()
            except FileNotFoundError:  # another process was faster
                continue

    def _path(self, key: str) -> Path:
        assert KEY.fullmatch(key), "keys come from vivace.cache.keys"
        return self._folder / key[:2] / key
