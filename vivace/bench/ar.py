"""Decoding speed of the engine: whole steps (embedding, layers, heads, sampler), many streams at once."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from vivace.bench.report import as_json
from vivace.engine.engine import Engine, EngineRequest
from vivace.engine.protocols import ARModel, ARPrompt
from vivace.engine.sampler_state import SamplingParams
from vivace.engine.sequence import EngineConfig
from vivace.errors import SettingsError
from vivace.layers.native.kernels import activate, kernels
from vivace.models.chattts.checkpoint.config import GPTConfig
from vivace.models.chattts.gpt import CodeMode, Embeddings, Llama
from vivace.models.gpt_sovits.t2s.model import S1Config, S1Model
from vivace.runtime.device import pick_device
from vivace.runtime.process import intra_op_threads
from vivace.types import Precision

# P prompt positions, D width, Q codebooks, V vocabulary


WARM_UP = 4  # steps that are not counted
TEMPERATURE, TOP_K = 0.3, 20


def transformers_step_seconds(config: GPTConfig, *, prompt: int, steps: int, device: torch.device | str) -> float:
    """Median seconds of a decode step: embed the last frame, the Llama with its dynamic cache, heads, sampling.

    Raises: SettingsError when transformers is not installed.
    """
    try:
        from transformers import DynamicCache, LlamaConfig, LlamaModel
    except ImportError as exc:
        raise SettingsError("the baseline needs transformers: pip install 'vivace[bench]'") from exc

    torch.manual_seed(0)
    width, books = config.hidden_size, config.num_vq
    llama = LlamaModel(
        LlamaConfig(
            vocab_size=8,  # its own table is not used
            hidden_size=width,
            intermediate_size=config.intermediate_size,
            num_hidden_layers=config.num_hidden_layers,
            num_attention_heads=config.num_attention_heads,
            max_position_embeddings=config.max_position_embeddings,
            rms_norm_eps=config.rms_norm_eps,
        )
    )
    nn.Module.eval(llama)
    nn.Module.to(llama, device)
    tables = [nn.Embedding(config.num_audio_tokens, width, device=device) for _ in range(books)]
    heads = [nn.Linear(width, config.num_audio_tokens, bias=False, device=device) for _ in range(books)]
    cache = DynamicCache()

    def frame(x: Tensor) -> Tensor:
        hidden = llama(inputs_embeds=x, past_key_values=cache, use_cache=True).last_hidden_state[:, -1]
        logits = torch.stack([head(hidden)[0] for head in heads]) / TEMPERATURE  # [Q, V]
        values, codes = logits.topk(TOP_K)
        drawn = torch.multinomial(values.softmax(-1), 1)
        picked = codes.gather(1, drawn)[:, 0].tolist()  # the loop reads it to know when to stop
        return torch.stack(
            [table(torch.tensor(code, device=device)) for table, code in zip(tables, picked, strict=True)]
        ).sum(0)[None, None]

    with torch.inference_mode():
        x = frame(torch.randn(1, prompt, width, device=device))
        seconds = []
        for step in range(WARM_UP + steps):
            started = time.perf_counter()
            x = frame(x)
            if step >= WARM_UP:
                seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


SCALE = 0.02  # standard deviation of the weights: activations stay finite through twenty layers
ON_ONE_THREAD = 16 << 20  # weights; below it a step on the CPU is faster on one thread

BYTES_PER_WEIGHT: dict[Precision, float] = {"float32": 4, "bfloat16": 2, "int8": 1, "int4": 0.625}


@dataclass(frozen=True)
class Measured:
    """A language model ready to run."""

    name: str
    config: GPTConfig  # of a Llama of the same size
    mode: ARModel
    precision: Precision
    weights: int  # that one step reads
    kv_dtype: torch.dtype

    @property
    def one_thread(self) -> bool:
        """It runs on one thread of the CPU."""
        return self.weights < ON_ONE_THREAD

    def step_bytes(self, rows: int, positions: float) -> float:
        """Bytes that a step must read: the weights once, and the keys and values of every row."""
        width = self.config.hidden_size
        cache = 2 * rows * positions * width * self.config.num_hidden_layers * self.kv_dtype.itemsize
        return self.weights * BYTES_PER_WEIGHT[self.precision] + cache


def random_chattts(precision: Precision, *, device: torch.device | str = "cpu", seed: int = 0) -> Measured:
    """The published ChatTTS's language model with seeded random weights; needs no files."""
    config = GPTConfig()
    generator = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        llama, embeddings = Llama(config), Embeddings(config, text_head=False)
    for module in (llama, embeddings):
        module.to_empty(device="cpu").eval().requires_grad_(False)
        for parameter in module.parameters():
            if parameter.dim() == 1:
                nn.init.ones_(parameter)
            else:
                nn.init.normal_(parameter, std=SCALE, generator=generator)
        module.to(device)
    return _ready("chattts, random weights", config, llama, embeddings, precision)


S1_PUBLISHED = S1Config(width=512, heads=16, layers=24, hidden=2048, phones=732, codes=1025, bert=1024)


def random_gpt_sovits(precision: Precision, *, device: torch.device | str = "cpu", seed: int = 0) -> Measured:
    """The published GPT-SoVITS's S1 with seeded random weights; needs no files."""
    config = S1_PUBLISHED
    generator = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        model = S1Model(config)
    model.to_empty(device="cpu").eval().requires_grad_(False)
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=SCALE, generator=generator)
        else:
            nn.init.constant_(parameter, 0 if name.endswith("bias") else 1)
    model.to(device)
    weights = sum(p.numel() for part in (model.layers, model.head) for p in part.parameters())
    model.fuse(precision)
    return Measured("gpt-sovits, random weights", _llama_like(config), model, precision, weights, model.kv_dtype)


def _llama_like(config: S1Config) -> GPTConfig:
    """As many weights: a Llama's MLP has three matrices, S1's two."""
    return GPTConfig(
        hidden_size=config.width,
        intermediate_size=config.hidden * 2 // 3,
        num_attention_heads=config.heads,
        num_hidden_layers=config.layers,
        num_audio_tokens=config.codes,
        num_vq=1,
    )


def embedded_voice(precision: Precision, *, device: torch.device | str = "cpu") -> Measured:
    """The embedded voice's language model."""
    from vivace.models.chattts.checkpoint.parts import load_chattts
    from vivace.models.registry import embedded_root

    model = load_chattts(embedded_root(), device=device, fuse=False).model
    return _ready("embedded voice", model.config.gpt, model.llama, model.embeddings, precision)


def _ready(name: str, config: GPTConfig, llama: Llama, embeddings: Embeddings, precision: Precision) -> Measured:
    heads = sum(p.numel() for p in embeddings.head_code.parameters())
    llama.set_precision(precision)
    llama.fuse()
    embeddings.set_precision(precision)
    embeddings.fuse(exact=llama.is_exact)
    return Measured(name, config, CodeMode(llama, embeddings, config), precision, llama.weights + heads, llama.kv_dtype)


BYTES = 256 << 20  # beyond every cache
TRIES = 8


def read_bandwidth(device: torch.device | str = "cpu") -> float:
    """Bytes per second that a sum over ``BYTES`` of float32 reads, the best of several tries."""
    values = torch.ones(BYTES // 4, device=device)
    best = float("inf")
    for _ in range(TRIES):
        started = time.perf_counter()
        float(values.sum())  # waits for the device
        best = min(best, time.perf_counter() - started)
    return BYTES / best


# P prompt positions, D width


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
class DecodingPlan:
    """Settings of one run of the benchmark."""

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
class DecodingRow:
    """One line of the table."""

    precision: str
    batch: int
    ms_per_step: float  # median
    steps_per_s: float  # frames of all streams together
    bandwidth_share: float | None  # of the memory-bandwidth limit, measured on the spot
    ratio: float | None = None  # to the baseline's steps per second, one stream


@dataclass(frozen=True)
class DecodingReport:
    """All of a run."""

    subject: str
    device: str
    threads: int
    prompt: int
    steps: int
    read_gb_per_s: float
    cpu_kind: str | None  # of the compiled kernels; None: plain torch
    rows: tuple[DecodingRow, ...]


def default_precisions(device: str) -> tuple[Precision, ...]:
    """Precisions that a device can multiply in. Raises: DeviceError when it is not there."""
    return ON_CPU if pick_device(device).type == "cpu" else ELSEWHERE


def measure(plan: DecodingPlan, note: Callable[[str], None] = lambda line: None) -> DecodingReport:
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
        rows: list[DecodingRow] = []
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
        rows.insert(0, DecodingRow("transformers float32", 1, 1e3 / single, single, None, 1.0))
    return DecodingReport(
        first.name,
        plan.device,
        threads,
        plan.prompt,
        plan.steps,
        bandwidth / 1e9,
        active.kind if active else None,
        tuple(rows),
    )


def _baseline(plan: DecodingPlan, model: Measured, note: Callable[[str], None]) -> float:

    note("baseline: transformers, float32, one stream")
    return transformers_step_seconds(model.config, prompt=plan.prompt, steps=plan.steps, device=plan.device)


def _row(model: Measured, batch: int, plan: DecodingPlan) -> DecodingRow:
    """A line whose share is still in bytes per second."""
    seconds = statistics.median(step_seconds(model, batch, prompt=plan.prompt, steps=plan.steps, device=plan.device))
    positions = plan.prompt + WARM_UP + plan.steps / 2
    return DecodingRow(
        model.precision, batch, seconds * 1e3, batch / seconds, model.step_bytes(batch, positions) / seconds
    )


def step_seconds(
    model: Measured, batch: int, *, prompt: int, steps: int, device: torch.device | str = "cpu"
) -> Sequence[float]:
    """Seconds of each of ``steps`` engine steps with ``batch`` streams running, none of them ending."""
    length = prompt + WARM_UP + steps + 2
    config = EngineConfig(slots=batch, positions=length, long_slots=0, text_slots=0, prefill_budget=batch * prompt)
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
) -> Iterator[EngineRequest]:
    generator = torch.Generator().manual_seed(batch)
    codes = torch.randint(0, model.mode.spec.end_code, (batch, prompt, model.config.num_vq), generator=generator)
    with torch.inference_mode():
        embedded = model.mode.embed(codes.to(device))
    real = torch.ones(1, prompt, dtype=torch.bool, device=device)
    for row in range(batch):
        yield EngineRequest(ARPrompt(embedded[row : row + 1], real), params, seed=row)


HEADER = ("precision", "streams", "ms per step", "steps/s", "of bandwidth limit", "ratio")


def table(report: DecodingReport) -> list[tuple[str, ...]]:
    """One row per measurement, under ``HEADER``."""
    return [
        (
            row.precision,
            str(row.batch),
            f"{row.ms_per_step:.2f}",
            f"{row.steps_per_s:,.0f}" if row.steps_per_s >= 100 else f"{row.steps_per_s:.1f}",
            "" if row.bandwidth_share is None else f"{row.bandwidth_share:.0%}",
            "" if row.ratio is None else f"{row.ratio:.1f}",
        )
        for row in report.rows
    ]


def caption(report: DecodingReport) -> str:
    """The subject and the conditions of the table, in one line."""
    how = f"kernels of {report.cpu_kind}" if report.cpu_kind else "plain torch"
    return (
        f"{report.subject}; {report.device}, threads: {report.threads}, {how}; prompt {report.prompt} positions, "
        f"{report.steps} steps timed; memory reads {report.read_gb_per_s:.1f} GB/s"
    )


def json_line(report: DecodingReport) -> str:
    """The report as one line of JSON."""
    return as_json(report)
