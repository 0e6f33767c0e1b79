"""Decoding speed of the engine: whole steps (embedding, layers, heads, sampler), many streams at once."""

# P prompt positions, D width

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch

from vivace.bench.ar_models import Measured, embedded_voice, random_chattts, random_gpt_sovits
from vivace.bench.bandwidth import read_bandwidth
from vivace.engine.config import EngineConfig
from vivace.engine.engine import Engine, Job
from vivace.engine.protocols import ARPrompt
from vivace.engine.sampler import SamplingParams
from vivace.layers.native.kernels import activate, kernels
from vivace.layers.precision import Precision
from vivace.runtime.device import pick_device
from vivace.runtime.threads import intra_op_threads

WARM_UP = 4  # steps that are not counted

Subject = Literal["embedded", "chattts", "gpt-sovits"]
BUILDERS: dict[Subject, Callable[..., Measured]] = {
    "embedded": embedded_voice,
    "chattts": random_chattts,
    "gpt-sovits": random_gpt_sovits,
}

DEFAULT_BATCHES = (1, 4, 16, 64)
ON_CPU: tuple[Precision, ...] = ("float32", "bfloat16", "int8", "int4")
ELSEWHERE: tuple[Precision, ...] = ("float32", "bfloat16")


@dataclass(frozen=True)
class Plan:
    """What to measure."""

    subject: Subject = "embedded"  # the others: the published size with random weights
    precisions: tuple[Precision, ...] = ON_CPU
    batches: tuple[int, ...] = DEFAULT_BATCHES
    prompt: int = 32  # positions
    steps: int = 48  # that are timed
    baseline: bool = False
    device: str = "cpu"
    threads: int | None = None  # None: one for a small model, else torch's choice
    kernels: Path | None = None  # where the compiled kernels are kept; None: plain torch
    cpu_kind: str = "auto"  # of the compiled kernels


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    precision: str
    batch: int
    ms_per_step: float  # median
    steps_per_s: float  # frames of all streams together
    bandwidth_share: float | None  # of the memory-bandwidth limit, measured on the spot
    ratio: float | None = None  # to the baseline's steps per second, one stream


@dataclass(frozen=True)
class Report:
    """All of a run."""

    subject: str
    device: str
    threads: int
    prompt: int
    steps: int
    read_gb_per_s: float
    cpu_kind: str | None  # of the compiled kernels; None: plain torch
    rows: tuple[Row, ...]


def default_precisions(device: str) -> tuple[Precision, ...]:
    """Those that a device can multiply in. Raises: DeviceError when it is not there."""
    return ON_CPU if pick_device(device).type == "cpu" else ELSEWHERE


def measure(plan: Plan, note: Callable[[str], None] = lambda line: None) -> Report:
    """Run the plan.

    The baseline and the memory are timed before and after everything else, and the faster of the two counts.

    Raises:
        SettingsError: the baseline is wanted and transformers is not installed.
        DeviceError: the device is not there.
    """
    plan = replace(plan, device=str(pick_device(plan.device)))
    compiled = plan.kernels is not None and plan.device == "cpu" and activate(plan.kernels, plan.cpu_kind)
    active = kernels() if compiled else None
    build = BUILDERS[plan.subject]
    first = build(plan.precisions[0], device=plan.device)
    threads = plan.threads or (1 if first.one_thread and plan.device == "cpu" else torch.get_num_threads())
    with intra_op_threads(threads):
        bandwidth = read_bandwidth(plan.device)
        base: list[float] = [_baseline(plan, first, note)] if plan.baseline else []
        rows: list[Row] = []
        for index, precision in enumerate(plan.precisions):
            model = first if index == 0 else build(precision, device=plan.device)
            for batch in plan.batches:
                note(f"{precision}, {batch} streams")
                rows.append(_row(model, batch, plan))
        if base:
            base.append(_baseline(plan, first, note))
        bandwidth = max(bandwidth, read_bandwidth(plan.device))
    rows = [replace(row, bandwidth_share=(row.bandwidth_share or 0) / bandwidth) for row in rows]
    if base:
        single = 1 / min(base)
        rows = [replace(row, ratio=row.steps_per_s / single) for row in rows]
        rows.insert(0, Row("transformers float32", 1, 1e3 / single, single, None, 1.0))
    return Report(
        first.name,
        plan.device,
        threads,
        plan.prompt,
        plan.steps,
        bandwidth / 1e9,
        active.kind if active else None,
        tuple(rows),
    )


def _baseline(plan: Plan, model: Measured, note: Callable[[str], None]) -> float:
    from vivace.bench.ar_baseline import transformers_step_seconds

    note("baseline: transformers, float32, one stream")
    return transformers_step_seconds(model.config, prompt=plan.prompt, steps=plan.steps, device=plan.device)


def _row(model: Measured, batch: int, plan: Plan) -> Row:
    """A line whose share is still in bytes per second."""
    seconds = statistics.median(step_seconds(model, batch, prompt=plan.prompt, steps=plan.steps, device=plan.device))
    positions = plan.prompt + WARM_UP + plan.steps / 2
    return Row(model.precision, batch, seconds * 1e3, batch / seconds, model.step_bytes(batch, positions) / seconds)


def step_seconds(
    model: Measured, batch: int, *, prompt: int, steps: int, device: torch.device | str = "cpu"
) -> Sequence[float]:
    """Seconds of each of ``steps`` engine steps with ``batch`` streams running, none of them ending."""
    length = prompt + WARM_UP + steps + 2
    config = EngineConfig(rows=batch, positions=length, long_rows=0, text_rows=0, prefill_budget=batch * prompt)
    native = kernels() if torch.device(device).type == "cpu" else None
    engine = Engine({"code": model.mode}, config, dtype=model.kv_dtype, device=device, native=native)
    params = SamplingParams(min_new_tokens=length, max_new_tokens=length - prompt)
    for job in _jobs(model, batch, prompt, params, device):
        engine.submit(job)
    for _ in range(WARM_UP):
        engine.step(0.0)
    assert engine.load.running == batch, "every stream runs before the clock starts"
    seconds = []
    for _ in range(steps):
        started = time.perf_counter()
        updates = engine.step(0.0)
        seconds.append(time.perf_counter() - started)
        assert len(updates) == batch, "a stream ended while it was timed"
    return seconds


def _jobs(
    model: Measured, batch: int, prompt: int, params: SamplingParams, device: torch.device | str
) -> Iterator[Job]:
    generator = torch.Generator().manual_seed(batch)
    codes = torch.randint(0, model.mode.spec.end_code, (batch, prompt, model.config.num_vq), generator=generator)
    with torch.inference_mode():
        embedded = model.mode.embed(codes.to(device))
    real = torch.ones(1, prompt, dtype=torch.bool, device=device)
    for row in range(batch):
        yield Job(ARPrompt(embedded[row : row + 1], real), params, seed=row)
