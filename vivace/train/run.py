"""A training run: budget and learning rate, state file, the loop of a stage, data-parallel processes."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.optim import Optimizer

from vivace.weights.load import read_tensors, write_tensors

log = logging.getLogger(__name__)
Clock = Callable[[], float]


@dataclass(frozen=True)
class Budget:
    """Steps, minutes, or both: whichever ends first. A cosine from ``peak`` to ``floor * peak`` over all of it."""

    peak: float
    steps: int | None = None
    minutes: float | None = None
    warmup: int = 100  # steps
    floor: float = 0.03

    def __post_init__(self) -> None:
        if self.steps is None and self.minutes is None:
            raise ValueError("a budget needs steps or minutes; give one of them")

    def progress(self, step: int, seconds: float) -> float:
        """How much of the budget is used, from 0 to 1."""
        by_steps = 0.0 if self.steps is None else step / max(self.steps, 1)
        by_time = 0.0 if self.minutes is None else seconds / (60 * self.minutes)
        return min(1.0, max(by_steps, by_time))

    def rate(self, step: int, progress: float) -> float:
        """Learning rate of step ``step``, counted from 0."""
        cosine = 0.5 * (1 + math.cos(math.pi * progress))
        return self.peak * min(1.0, (step + 1) / max(self.warmup, 1)) * (self.floor + (1 - self.floor) * cosine)


@dataclass
class TrainingProgress:
    """Steps and seconds of a run, those before an interruption included."""

    step: int = 0
    seconds_before: float = 0.0
    clock: Clock = time.monotonic
    _began: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._began = self.clock()

    @property
    def seconds(self) -> float:
        return self.seconds_before + self.clock() - self._began


@dataclass
class EarlyStop:
    """Counts evaluations in a row that were no better than the best so far."""

    patience: int
    best: float = field(default=math.inf, init=False)
    waited: int = field(default=0, init=False)

    def improved(self, loss: float) -> bool:
        """Note one evaluation; whether it is the best so far."""
        if loss < self.best:
            self.best, self.waited = loss, 0
            return True
        self.waited += 1
        return False

    @property
    def over(self) -> bool:
        """Whether to stop."""
        return self.waited >= self.patience


MODEL, MOMENTS = "model.", "moments."


def save_state(path: Path, module: nn.Module, optimizer: Optimizer, progress: TrainingProgress) -> None:
    """Weights, moments of the optimizer and the place in the budget; replaces ``path`` at once."""
    tensors = {MODEL + key: value.detach().contiguous() for key, value in module.state_dict().items()}
    for index, slots in optimizer.state_dict()["state"].items():
        for name, value in slots.items():
            tensors[f"{MOMENTS}{index}.{name}"] = value.detach().contiguous()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_tensors(path, tensors, {"step": str(progress.step), "seconds": repr(progress.seconds)})


def load_weights(path: Path, module: nn.Module) -> None:
    """The weights of a saved state alone. Raises: RuntimeError when they are those of another preset."""
    tensors, _ = read_tensors(path)
    module.load_state_dict({k.removeprefix(MODEL): v for k, v in tensors.items() if k.startswith(MODEL)})


def resume(path: Path, module: nn.Module, optimizer: Optimizer) -> TrainingProgress:
    """Take a run up where ``path`` left it, or start when there is no such file."""
    if not path.is_file():
        return TrainingProgress()
    load_weights(path, module)
    tensors, metadata = read_tensors(path)
    slots: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith(MOMENTS):
            index, _, name = key.removeprefix(MOMENTS).partition(".")
            slots.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": slots, "param_groups": optimizer.state_dict()["param_groups"]})
    return TrainingProgress(step=int(metadata["step"]), seconds_before=float(metadata["seconds"]))


class StageOptions(Protocol):
    """Options that all stages have."""

    @property
    def budget(self) -> Budget: ...
    @property
    def report_every(self) -> int: ...  # steps
    @property
    def save_every(self) -> int: ...  # steps


def fit(
    module: nn.Module,
    optimizer: Optimizer,
    progress: TrainingProgress,
    out: Path,
    options: StageOptions,
    next_loss: Callable[[], tuple[Tensor, float]],
    *,
    measure: str,
    clip: float,
) -> None:
    """Train ``module`` until the budget is used, and write its state to ``out``.

    Args:
        next_loss: the loss of the next batch, and the number that is logged as ``measure``.
        clip: largest norm of all gradients.
    """
    while (used := options.budget.progress(progress.step, progress.seconds)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = options.budget.rate(progress.step, used)
        loss, measured = next_loss()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(module.parameters(), clip)
        optimizer.step()
        progress.step += 1
        if progress.step % options.report_every == 0:
            log.info("step %d, %.0f s: %s %.4f", progress.step, progress.seconds, measure, measured)
        if progress.step % options.save_every == 0:
            save_state(out, module, optimizer, progress)
    save_state(out, module, optimizer, progress)


@dataclass(frozen=True)
class ProcessGroup:
    """This process among ``world``; rank 0 writes files and messages."""

    rank: int = 0
    world: int = 1
    port: int = 29511

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    def start(self) -> None:
        """Meet the others at ``port`` of this machine."""
        torch.set_num_threads(1)
        if self.world > 1:
            dist.init_process_group(
                "gloo", init_method=f"tcp://127.0.0.1:{self.port}", rank=self.rank, world_size=self.world
            )

    def stop(self) -> None:
        if self.world > 1:
            dist.destroy_process_group()

    def broadcast(self, value: float) -> float:
        """Rank 0's ``value``, for all."""
        if self.world == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64)
        dist.broadcast(shared, 0)
        return float(shared)

    def average_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Mean over the processes; a gradient that a process lacks counts as zero."""
        if self.world == 1:
            return
        flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in parameters])
        dist.all_reduce(flat)
        flat /= self.world
        at = 0
        for p in parameters:
            p.grad = flat[at : at + p.numel()].view_as(p)
            at += p.numel()


SINGLE_PROCESS = ProcessGroup()
