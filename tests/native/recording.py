"""Calls of the kernels with what they read and wrote, in a file that ``harness.c`` replays on another machine.

The file is a sequence of 64-bit words, little-endian. A command is three words, its number, an id and a size, and what
follows: DATA (bytes of a blob), TABLE (a blob of words: pairs of a blob and an offset, or LITERAL and a number), CALL
(a kernel and pairs as its arguments), CHECK (the bytes that a blob must have), SPACE (a blob that is only written),
CHECK_HASH (the CRC-32 of a blob).
"""

import ctypes
import struct
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vivace.layers.native.kernels import Kernels

DATA, TABLE, CALL, CHECK, SPACE, CHECK_HASH = range(1, 7)
LITERAL, FLOATING = -1, -2
LARGE = 4096  # bytes; of what is longer the hash is kept
HISTORY, ROW_COLUMNS = 32, 8  # of src/sample.h
KERNELS = (  # in harness.c's order
    "rms_norm",
    "silu_mul",
    "rope",
    "attend",
    "multiply",
    "multiply_float",
    "decode_one",
    "decode_batch",
    "decode_batch_post_norm",
    "sample",
)
KV_BYTES = (4, 2, 1)  # by kv kind


class Extent(NamedTuple):
    """Memory that a kernel reads or writes."""

    bytes: int
    reads: bool = True
    writes: bool = False


class Pointers(NamedTuple):
    """A table of pointers and numbers: an extent for each word that points, None for numbers."""

    words: Sequence[Extent | None]


Layout = dict[int, Extent | Pointers]  # by argument


def _in(count: int, size: int = 4) -> Extent:
    return Extent(count * size)


def _out(count: int, size: int = 4) -> Extent:
    return Extent(count * size, reads=False, writes=True)


def _inout(count: int, size: int = 4) -> Extent:
    return Extent(count * size, writes=True)


def _scratch(size: int) -> Extent:
    return Extent(size, reads=False)


def _slots(address: int, rows: int, layers: int, heads: int, head_dim: int, kind: int) -> Pointers:
    words: list[Extent | None] = []
    for row in range(rows):
        layer_stride, head_stride = (ctypes.c_int64 * 7).from_address(address + 56 * row)[4:6]
        count = (layers - 1) * layer_stride + heads * head_stride
        scales = _inout(count // head_dim) if kind == 2 else None
        words += [_inout(count, KV_BYTES[kind])] * 2 + [scales, scales, None, None, None]
    return Pointers(words)


def _matrix(outputs: int, inputs: int) -> list[Extent | None]:
    return [_in(outputs * inputs, 1), _in(outputs)]


def _matrix4(outputs: int, inputs: int) -> list[Extent | None]:
    return [_in(outputs * inputs // 2, 1), _in(outputs * inputs // 32 * 2)]


def _llama(matrix: Callable[[int, int], list[Extent | None]], count: int, dim: int, hidden: int) -> Pointers:
    first = [_in(dim), *matrix(3 * dim, dim), *matrix(dim, dim)]
    return Pointers([*first, _in(dim), *matrix(2 * hidden, dim), *matrix(dim, hidden)] * count)


def _attend(a: Sequence[Any]) -> Layout:
    kind, rows, queries, heads, d = a[5], *a[7:11]
    strides = (ctypes.c_int64 * 9).from_address(a[3])
    spans = [
        sum(s * (n - 1) for s, n in zip(strides[i : i + 3], (rows, heads, queries), strict=True)) + d for i in (0, 3, 6)
    ]
    return {
        **{i: _in(span) for i, span in enumerate(spans)},
        3: _in(9, 8),
        4: _slots(a[4], rows, 1, heads, d, kind),
        6: _out(rows * queries * heads * d),
    }


def _decode_one(a: Sequence[Any]) -> Layout:
    count, dim, hidden, heads = a[2:6]
    d = dim // heads
    layers = _llama(_matrix4, count, dim, hidden)
    slots = _slots(a[8], 1, count, heads, d, a[9])
    return {0: _inout(dim), 1: layers, 6: _in(d), 7: _in(d), 8: slots, 11: _scratch(4 * (4 * dim + hidden))}


def _decode_batch(a: Sequence[Any]) -> Layout:
    count, dim, hidden, heads, kind, rows = *a[2:6], a[9], a[11]
    d = dim // heads
    return {
        0: _inout(rows * dim),
        1: _llama(_matrix, count, dim, hidden),
        6: _in(rows * d),
        7: _in(rows * d),
        8: _slots(a[8], rows, count, heads, d, kind),
        12: _scratch(4 * rows * (8 + 5 * dim + 3 * hidden)),
    }


def _post_norm(a: Sequence[Any]) -> Layout:
    count, dim, hidden, heads, kind, rows = *a[2:6], a[7], a[9]
    products = [*_matrix(3 * dim, dim), *_matrix(dim, dim), *_matrix(hidden, dim), *_matrix(dim, hidden)]
    vectors = [_in(3 * dim), _in(dim), _in(hidden), *[_in(dim)] * 5]
    return {
        0: _inout(rows * dim),
        1: Pointers([*products, *vectors] * count),
        6: _slots(a[6], rows, count, heads, dim // heads, kind),
        10: _scratch(4 * rows * (8 + 5 * dim + 2 * hidden)),
    }


def _sample(a: Sequence[Any]) -> Layout:
    rows, books, size = a[6:9]
    return {
        0: _in(rows * books * size),
        1: _in(rows * (books + 2)),
        2: _in(rows * (books + ROW_COLUMNS), 8),
        3: _in(rows * books * HISTORY, 8),
        4: _out(rows * books, 8),
        5: _scratch(12 * rows * books * size),
    }


LAYOUTS: dict[str, Callable[[Sequence[Any]], Layout]] = {
    "rms_norm": lambda a: {0: _in(a[3] * a[4]), 1: _in(a[4]), 2: _out(a[3] * a[4])},
    "silu_mul": lambda a: {0: _in(2 * a[2] * a[3]), 1: _out(a[2] * a[3])},
    "rope": lambda a: {0: _inout(3 * a[3] * a[4] * a[5]), 1: _in(a[3] * a[5]), 2: _in(a[3] * a[5])},
    "attend": _attend,
    "multiply": lambda a: {
        0: _in(a[5] * a[6]),
        1: _in(a[6] * a[7], 1),
        2: _in(a[7]),
        3: _out(a[5] * a[7]),
        4: _scratch(a[5] * (2 * a[6] + 8)),
    },
    "multiply_float": lambda a: {0: _in(a[3] * a[4]), 1: _in(a[4] * a[5]), 2: _out(a[3] * a[5])},
    "decode_one": _decode_one,
    "decode_batch": _decode_batch,
    "decode_batch_post_norm": _post_norm,
    "sample": _sample,
}


class Recording:
    """What the kernels were given and gave. Blobs are known by where they lie and how long they are."""

    def __init__(self) -> None:
        self.calls: dict[str, int] = {}
        self._chunks: list[bytes] = []
        self._ids: dict[tuple[int, int], int] = {}
        self._contents: dict[int, int] = {}  # blob: CRC-32 of what the replay has in it
        self._regions: list[tuple[int, int, int]] = []  # of the call at hand: start, end, blob
        self._lock = threading.Lock()

    def write(self, path: Path) -> None:
        path.write_bytes(b"".join(self._chunks))

    def run(self, name: str, kernel: Callable[..., None], arguments: Sequence[Any]) -> None:
        """Call a kernel and keep it."""
        with self._lock:
            layout = LAYOUTS[name](arguments)
            regions = _regions(e for i, part in layout.items() for e in _extents(_address(arguments[i]), part))
            blobs = {start: self._blob(start, extent) for start, extent in regions.items()}
            self._regions = [(start, start + extent.bytes, blobs[start]) for start, extent in regions.items()]
            pairs = [self._argument(i, value, layout.get(i)) for i, value in enumerate(arguments)]
            kernel(*arguments)
            self._command(CALL, KERNELS.index(name), len(pairs), b"".join(pairs))
            for start, extent in regions.items():
                if extent.writes:
                    self._check(blobs[start], start, extent.bytes)
            self.calls[name] = self.calls.get(name, 0) + 1

    def _pointer(self, address: int) -> bytes:
        blob, offset = next((blob, address - start) for start, end, blob in self._regions if start <= address < end)
        return struct.pack("<qq", blob, offset)

    def _argument(self, place: int, value: Any, part: Extent | Pointers | None) -> bytes:
        if isinstance(part, Extent):
            return self._pointer(_address(value))
        if part is not None:
            return struct.pack("<qq", self._table(place, _address(value), part.words), 0)
        return struct.pack("<qfi", FLOATING, value, 0) if isinstance(value, float) else _number(value)

    def _table(self, place: int, address: int, words: Sequence[Extent | None]) -> int:
        values = (ctypes.c_int64 * len(words)).from_address(address)
        pairs = [
            _number(value) if extent is None else self._pointer(value)
            for value, extent in zip(values, words, strict=True)
        ]
        number = self._ids.setdefault((-1 - place, len(words)), len(self._ids))
        self._command(TABLE, number, len(words), b"".join(pairs))
        return number

    def _blob(self, address: int, extent: Extent) -> int:
        scratch = not extent.reads and not extent.writes
        number = self._ids.setdefault((address, -extent.bytes if scratch else extent.bytes), len(self._ids))
        if extent.reads:
            data = ctypes.string_at(address, extent.bytes)
            content = zlib.crc32(data)
            if self._contents.get(number) != content:
                self._contents[number] = content
                self._command(DATA, number, len(data), _padded(data))
        elif number not in self._contents:
            self._contents[number] = -1
            self._command(SPACE, number, extent.bytes, b"")
        return number

    def _check(self, number: int, address: int, size: int) -> None:
        data = ctypes.string_at(address, size)
        self._contents[number] = zlib.crc32(data)
        if size <= LARGE:
            self._command(CHECK, number, size, _padded(data))
        else:
            self._command(CHECK_HASH, number, size, struct.pack("<Q", zlib.crc32(data)))

    def _command(self, what: int, number: int, size: int, data: bytes) -> None:
        self._chunks.append(struct.pack("<qqq", what, number, size) + data)


class RecordedKernels(Kernels):
    """Kernels whose every call goes into a recording."""

    def __init__(self, library: Path, kind: str, recording: Recording) -> None:
        self._recording = recording
        super().__init__(library, kind)

    def function(self, name: str, arguments: Sequence[Any]) -> Callable[..., None]:
        kernel = super().function(name, arguments)

        def run(*given: Any) -> None:
            self._recording.run(name, kernel, given)

        return run


def _address(value: Any) -> int:
    return value if isinstance(value, int) else ctypes.addressof(value)


def _extents(address: int, part: Extent | Pointers) -> Iterator[tuple[int, Extent]]:
    if isinstance(part, Extent):
        yield address, part
        return
    for value, extent in zip((ctypes.c_int64 * len(part.words)).from_address(address), part.words, strict=True):
        if extent is not None:
            yield value, extent


def _regions(extents: Iterable[tuple[int, Extent]]) -> dict[int, Extent]:
    """Extents that overlap, as the slots of a pool do, are one region. By where they start."""
    regions: dict[int, Extent] = {}
    start = end = -1
    for address, extent in sorted(extents, key=lambda e: e[0]):
        if address < end:
            end = max(end, address + extent.bytes)
            before = regions[start]
            regions[start] = Extent(end - start, before.reads or extent.reads, before.writes or extent.writes)
        else:
            start, end = address, address + extent.bytes
            regions[start] = extent
    return regions


def _number(value: int) -> bytes:
    return struct.pack("<qq", LITERAL, value)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 8)
