"""Data-parallel training over processes of one thread each, which on CPUs is faster than one process of several."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class Peers:
    """This process among ``world``; rank 0 writes files and messages."""

    rank: int = 0
    world: int = 1
    port: int = 29511

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def join(self) -> None:
        """Meet the others at ``port`` of this machine."""
        torch.set_num_threads(1)
        if self.world > 1:
            dist.init_process_group(
                "gloo", init_method=f"tcp://127.0.0.1:{self.port}", rank=self.rank, world_size=self.world
            )

    def leave(self) -> None:
        if self.world > 1:
            dist.destroy_process_group()

    def agree(self, value: float) -> float:
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


ALONE = Peers()
