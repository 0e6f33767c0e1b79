"""The cache on disk: whole files, checked files, a size, several processes, and a disk that refuses."""

import logging
import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vivace.cache.disk import ABANDONED_S, DiskCache
from vivace.cache.keys import content_key

A, B, C = (content_key("test", letter) for letter in "abc")


def file_of(folder: Path, key: str) -> Path:
    return folder / key[:2] / key


def test_what_was_put_is_found_by_another_process(tmp_path: Path) -> None:
    DiskCache(tmp_path, 10_000).put(A, b"speech")
    assert DiskCache(tmp_path, 10_000).get(A) == b"speech"  # a second one: nothing is shared but the folder


@pytest.mark.parametrize("place", [0, 31, 32, -1])
def test_a_flipped_byte_is_a_miss_and_the_file_is_removed(
    tmp_path: Path, place: int, caplog: pytest.LogCaptureFixture
) -> None:
    cache = DiskCache(tmp_path, 10_000)
    cache.put(A, b"speech")
    stored = bytearray(file_of(tmp_path, A).read_bytes())
    stored[place] ^= 1
    file_of(tmp_path, A).write_bytes(stored)
    with caplog.at_level(logging.WARNING):
        assert cache.get(A) is None
    assert "damaged" in caplog.text
    assert not file_of(tmp_path, A).exists()
    assert cache.stats.entries == 0


@pytest.mark.parametrize("length", [0, 1, 31, 33])
def test_a_cut_file_is_a_miss(tmp_path: Path, length: int) -> None:
    cache = DiskCache(tmp_path, 10_000)
    cache.put(A, b"speech")
    os.truncate(file_of(tmp_path, A), length)
    assert cache.get(A) is None


def test_the_least_recently_used_leave_when_it_is_full(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 3 * 132)
    for key in (A, B):
        cache.put(key, bytes(100))
    cache.get(A)
    cache.put(C, bytes(100))
    assert cache.stats.entries == 3
    cache.put(content_key("test", "d"), bytes(100))
    assert cache.get(B) is None
    assert cache.get(content_key("test", "d")) is not None
    assert sum(file.stat().st_size for file in tmp_path.glob("??/*")) == cache.stats.bytes <= 3 * 132


def test_what_is_larger_than_the_cache_is_not_kept(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 100)
    cache.put(A, bytes(101))
    assert cache.get(A) is None


def test_clear_removes_every_file(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 10_000)
    for key in (A, B):
        cache.put(key, b"1")
    cache.clear()
    assert list(tmp_path.glob("??/*")) == []
    assert cache.stats.entries == 0


@pytest.mark.parametrize("damage", [b"no database at all, but long enough to be read as one" * 40, b""])
def test_a_damaged_index_is_made_again_from_the_files(tmp_path: Path, damage: bytes) -> None:
    DiskCache(tmp_path, 10_000).put(A, b"speech")
    (tmp_path / "index.sqlite").write_bytes(damage)
    cache = DiskCache(tmp_path, 10_000)
    assert cache.stats.entries == 1
    assert cache.get(A) == b"speech"


def test_what_a_killed_process_left_is_counted_or_removed(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 10_000)
    cache.put(A, b"speech")
    cache.close()
    file_of(tmp_path, B).parent.mkdir(exist_ok=True)
    file_of(tmp_path, B).write_bytes(file_of(tmp_path, A).read_bytes())  # written, but not in the index yet
    part = file_of(tmp_path, B).with_name(".vivace-0123456789ab.part")
    part.write_bytes(b"half")
    os.utime(part, (time.time() - 2 * ABANDONED_S,) * 2)
    cache = DiskCache(tmp_path, 10_000)
    assert cache.stats.entries == 2
    assert not part.exists()


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may grow beyond ``size``: the same kind of error as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_a_disk_that_refuses_is_a_warning_and_leaves_nothing_behind(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = DiskCache(tmp_path, 10_000_000)
    cache.put(A, b"before")
    with caplog.at_level(logging.WARNING), largest_file(100_000):
        cache.put(B, bytes(200_000))
    assert "cannot keep a result" in caplog.text
    assert cache.get(B) is None
    assert cache.get(A) == b"before"
    assert list(tmp_path.glob("??/.*")) == []


def test_a_folder_that_cannot_be_made_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "cache").write_text("a file in the way")
    cache = DiskCache(tmp_path / "cache", 10_000)
    with caplog.at_level(logging.WARNING):
        cache.put(A, b"1")
        assert cache.get(A) is None
        cache.clear()
    assert "cannot keep" in caplog.text
    assert cache.stats.entries == 0


def test_several_processes_share_a_folder(tmp_path: Path) -> None:
    """Each writes, reads and evicts; whatever is read is what was written, and the size holds in the end."""
    code = textwrap.dedent("""
        import logging, random, sys
        from pathlib import Path
        from vivace.cache.disk import DiskCache
        from vivace.cache.keys import content_key
        logging.basicConfig(level=logging.WARNING)
        cache, draw = DiskCache(Path(sys.argv[1]), 20_000), random.Random(sys.argv[2])
        for _ in range(150):
            number = draw.randrange(40)
            found = cache.get(content_key("n", number))
            assert found is None or found == bytes([number]) * 1000
            cache.put(content_key("n", number), bytes([number]) * 1000)
    """)
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(i)], stderr=subprocess.PIPE, text=True)
        for i in range(3)
    ]
    errors = [process.communicate()[1] for process in running]
    assert [(process.returncode, error) for process, error in zip(running, errors, strict=True)] == [(0, "")] * 3
    assert sum(file.stat().st_size for file in tmp_path.glob("??/*")) <= 20_000 + 2 * 1032
