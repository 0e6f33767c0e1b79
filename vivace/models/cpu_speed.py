"""Which precision is fastest on which kind of CPU: one measured row per kind and size of model.

A row is made by ``python benchmarks/precision_table.py``, which prints it as it stands here. To add a kind, run that on
such a CPU and append the row to ``TABLE``; a kind without a row is timed at the first load (``self_timing.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from vivace.layers.native.kernels import kernels
from vivace.types import Precision

Load = Literal["balanced", "latency", "throughput"]
ModelSize = Literal["small", "medium", "large"]

CANDIDATES: tuple[Precision, ...] = (
    "float32",
    "bfloat16",
    "int8",
)  # from the most exact on; int4 only where it is asked for
MANY = 8  # streams
MARGIN = 1.1  # fewer bits are taken where they are faster by more than this
SMALL_WEIGHTS = 16 << 20  # below: quantized weights stay in the caches
LARGE_WEIGHTS = 64 << 20  # from here on a step is bound by memory, whatever the precision


@dataclass(frozen=True)
class Speed:
    """Frames per second of all streams together."""

    one: float  # with one stream
    many: float  # with ``MANY``

    def under(self, load: Load) -> float:
        """The speed that counts under a load; ``balanced`` is the geometric mean of both, squared."""
        return {"latency": self.one, "throughput": self.many, "balanced": self.one * self.many}[load]


Speeds = Mapping[Precision, Speed]


@dataclass(frozen=True)
class MeasuredRow:
    """Measured on one machine of a kind."""

    kind: str  # of the compiled kernels, see ``cpu_kind``
    size: ModelSize
    speeds: Speeds
    machine: str  # CPU, threads, day


def measured(kind: str, size: ModelSize, machine: str, **speeds: tuple[float, float]) -> MeasuredRow:
    """A row; ``speeds`` are frames per second with one stream and with ``MANY``, by precision."""
    by_name = {name: Speed(*speeds[name]) for name in CANDIDATES if name in speeds}
    return MeasuredRow(kind, size, MappingProxyType(by_name), machine)


EPYC = "AMD EPYC (Zen 4), {threads} of 2 threads, torch 2.13, 2026-11-30"
IMITATED = EPYC + ", imitated"  # torch, oneDNN and the kernels told to use AVX2

TABLE: tuple[MeasuredRow, ...] = (
    measured(
        "avx512vnni",
        "small",
        EPYC.format(threads=1),
        float32=(167.6, 1350.8),
        bfloat16=(249.1, 1746.1),
        int8=(1613.5, 6491.1),
    ),
    measured(
        "avx512vnni",
        "large",
        EPYC.format(threads=2),
        float32=(20.3, 185.1),
        bfloat16=(39.5, 314.0),
        int8=(123.9, 728.3),
    ),
    measured("avx2", "small", IMITATED.format(threads=1), float32=(212.8, 1267.4), int8=(1605.9, 5439.1)),
    measured("avx2", "large", IMITATED.format(threads=2), float32=(17.7, 127.4), int8=(66.0, 324.9)),
)


def cpu_kind() -> str:
    """The CPU kind of the compiled kernels in use, such as ``avx2``; ``none`` without kernels."""
    active = kernels()
    return "none" if active is None else active.kind


def size_of(weights: int) -> ModelSize:
    """Of a language model with so many weights."""
    return "small" if weights < SMALL_WEIGHTS else "medium" if weights < LARGE_WEIGHTS else "large"


def row_of(kind: str, size: ModelSize) -> MeasuredRow | None:
    """The row of the table, if there is one."""
    return next((row for row in TABLE if (row.kind, row.size) == (kind, size)), None)


def fastest(speeds: Speeds, load: Load) -> Precision:
    """The most exact precision that is as fast as any under ``load``, up to ``MARGIN``."""
    margin = MARGIN**2 if load == "balanced" else MARGIN
    best = max(speed.under(load) for speed in speeds.values())
    return next(name for name in CANDIDATES if name in speeds and speeds[name].under(load) * margin >= best)


def ratios(speeds: Speeds, chosen: Precision) -> str:
    """How fast ``chosen`` is against float32, or float32 against the fastest other."""
    others = [name for name in speeds if name != "float32"]
    shown = chosen if chosen != "float32" else max(others, key=lambda name: speeds[name].one, default=chosen)
    base, speed = speeds["float32"], speeds[shown]
    return f"{shown} {speed.one / base.one:.1f} x float32 with one stream, {speed.many / base.many:.1f} x with {MANY}"
