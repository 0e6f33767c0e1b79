"""The cache on disk: a folder of files, each with its checksum, and an index of them.

Files appear whole or not at all; an entry whose content is not what was written is a miss, and is removed. Whatever
goes wrong with the disk is logged and costs the cache, never the answer. Several processes may share a folder.
"""

import hashlib
import logging
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from vivace.cache.base import CacheStats
from vivace.cache.index import Index
from vivace.weights.files import replacing

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
        """What is kept under the key, or None. A damaged entry is removed."""
        content = self._read(key)
        with self._lock:
            self._hits += content is not None
            self._misses += content is None
        return content

    def put(self, key: str, content: bytes) -> None:
        """Keep ``content``, unless it alone is larger than the cache or the disk refuses."""
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
        """Let go of the index."""
        self._index.close()

    @property
    def stats(self) -> CacheStats:
        """How it has done in this process, and what all of them keep."""
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
