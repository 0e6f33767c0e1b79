"""How fast this CPU runs a model in each precision: timed once, in less than half a second, and kept on disk."""

# n rows, D width

import hashlib
import json
import logging
import math
import os
import platform
import secrets
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from vivace.engine.kv_cache import SPAN, PoolKV, PoolStep, StepStore
from vivace.layers.attention import KVStore
from vivace.layers.native.kernels import Kernels
from vivace.models.cpu_speed import CANDIDATES, MANY, Speed, Speeds, cpu_kind
from vivace.runtime.device import multiplies_bfloat16
from vivace.runtime.process import intra_op_threads
from vivace.settings import TTSConfig
from vivace.types import Precision

log = logging.getLogger(__name__)

SHARE_S = 0.03  # for each precision and number of streams
HELD = SPAN - 1  # positions that every row holds
FEWEST, WARM_UP = 3, 2  # steps
ENOUGH_WEIGHTS = 20 << 20  # the first layers with so many stand for the whole model: more than the caches hold


@dataclass(frozen=True)
class Probe:
    """The first layers of a model, laid out in one precision."""

    forward: Callable[[Tensor, Tensor, KVStore], Tensor]  # [n, 1, D], positions [n, 1], store -> [n, 1, D]
    layers: int
    heads: int
    width: int  # D
    kv_dtype: torch.dtype
    native: Kernels | None


@dataclass(frozen=True)
class ProbedModel:
    """How to build probes of a model that is loaded, in float32 and not laid out yet."""

    build: Callable[[Precision, int], Probe]  # precision, layers
    layers: int
    weights: int
    threads: int | None  # that it is run with; None: torch's choice

    @property
    def few_layers(self) -> int:
        """So many have ``ENOUGH_WEIGHTS``."""
        return min(self.layers, max(1, math.ceil(ENOUGH_WEIGHTS * self.layers / self.weights)))


def timings_folder(config: TTSConfig) -> Path | None:
    """Where ``kept_speeds`` keeps timings; None where the settings want none."""
    return config.paths.cache_dir / "native" if config.self_timing else None


def kept_speeds(model: ProbedModel, folder: Path) -> Speeds | None:
    """The speeds in ``folder``, timed now unless they are there.

    Two processes that time at once agree: the first file stays. Returns: None when the folder cannot be written; a
    timing that differs from load to load must not decide how a voice sounds.
    """
    path = folder / f"precision-{_key(model)}.json"
    if (known := _read(path)) is not None:
        return known
    part = path.with_name(f".{secrets.token_hex(6)}.part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part.touch()  # before anything is timed
        with _removed(part):
            speeds = time_precisions(model)
            part.write_text(json.dumps({name: asdict(speed) for name, speed in speeds.items()}), encoding="utf-8")
            _keep_first(part, path)
    except OSError as exc:
        log.warning("speeds cannot be kept in %s, so the precision is chosen by rule: %s", folder, exc)
        return None
    return _read(path)


@contextmanager
def _removed(part: Path) -> Iterator[None]:
    try:
        yield
    finally:
        part.unlink(missing_ok=True)


def _keep_first(part: Path, path: Path) -> None:
    if path.exists() and _read(path) is None:
        path.unlink()  # damaged
    try:
        os.link(part, path)
    except FileExistsError:
        return
    except OSError:  # a file system without links
        part.replace(path)


@torch.inference_mode()
def time_precisions(model: ProbedModel) -> Speeds:
    """Steps of the first layers in each precision that a CPU may choose, with one stream and with ``MANY``."""
    speeds: dict[Precision, Speed] = {}
    with intra_op_threads(model.threads):
        for precision in CANDIDATES:
            if precision == "bfloat16" and not multiplies_bfloat16(torch.device("cpu")):
                continue
            probe = model.build(precision, model.few_layers)
            speeds[precision] = Speed(_frames_per_s(probe, 1), _frames_per_s(probe, MANY))
    log.info("precision timed: %s", speeds)
    return speeds


def _frames_per_s(probe: Probe, rows: int) -> float:
    head = probe.width // probe.heads
    device = torch.device("cpu")
    kv = PoolKV(probe.layers, rows, probe.heads, 2 * SPAN, head, dtype=probe.kv_dtype, device=device)
    lengths = torch.full((rows,), HELD)
    x = torch.randn(rows, 1, probe.width, generator=torch.Generator().manual_seed(0))
    seconds: list[float] = []
    until = math.inf
    while len(seconds) < WARM_UP + FEWEST or time.perf_counter() < until:
        started = time.perf_counter()
        probe.forward(x, lengths[:, None], StepStore([PoolStep(kv, rows, SPAN, lengths)], probe.native))
        seconds.append(time.perf_counter() - started)
        if len(seconds) == WARM_UP:
            until = time.perf_counter() + SHARE_S
    return rows / statistics.median(seconds[WARM_UP:])


def _read(path: Path) -> Speeds | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        speeds: Speeds = {name: Speed(float(found[name]["one"]), float(found[name]["many"])) for name in found}
    except (OSError, ValueError, TypeError, LookupError):
        return None
    positive = all(speed.one > 0 and speed.many > 0 for speed in speeds.values())
    return speeds if positive and "float32" in speeds and speeds.keys() <= set(CANDIDATES) else None


def _key(model: ProbedModel) -> str:
    """All that speeds depend on: CPU, kernels, torch, threads, model."""
    parts = (
        _cpu(),
        cpu_kind(),
        torch.__version__,
        model.threads or torch.get_num_threads(),
        model.layers,
        model.weights,
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = {line for line in lines if line.startswith(("model name", "CPU part"))}
    return " ".join((platform.machine(), platform.processor(), *sorted(names)))
