"""Settings and state of the sampler, one row of static tensors per slot: randomness and recent codes."""

# R rows, Q codebooks, W codes of history, V vocabulary

from dataclasses import dataclass

import torch
from torch import Tensor

from vivace.errors import InputError

MIN_KEEP = 3  # neither top-p nor top-k leaves fewer candidates than this
HISTORY = 32  # W: the longest window of the repetition penalty
NO_CODE = -1
USED, GREEDY = 1, 2  # bits of a row's flags
NEVER = 2.0  # a top-p that drops nothing


@dataclass(frozen=True)
class SamplingParams:
    """How one generation is sampled."""

    temperature: float | tuple[float, ...] = 0.3  # one, or one per codebook
    top_p: float | None = 0.7
    top_k: int | None = 20
    repetition_penalty: float = 1.05
    repetition_window: int = 16  # generated codes of the same row that count
    min_new_tokens: int = 1  # steps that may not end the speech
    max_new_tokens: int = 2048

    def __post_init__(self) -> None:
        temperatures = self.temperature if isinstance(self.temperature, tuple) else (self.temperature,)
        if not temperatures or any(not 0 < t <= 100 for t in temperatures):
            raise InputError(f"temperature is {self.temperature}; give a number above 0, or one per codebook")
        if self.top_p is not None and not 0 <= self.top_p <= 1:
            raise InputError(f"top_p is {self.top_p}; give a number from 0 to 1")
        if self.top_k is not None and self.top_k < 1:
            raise InputError(f"top_k is {self.top_k}; give a whole number of at least 1")
        if not 0 < self.repetition_penalty <= 100:
            raise InputError(f"repetition_penalty is {self.repetition_penalty}; give a number above 0, 1 for none")
        if self.max_new_tokens < 1:
            raise InputError(f"max_new_tokens is {self.max_new_tokens}; give a whole number of at least 1")

    def row_temperatures(self, batch: int, codebooks: int) -> Tensor:
        """``[batch * codebooks, 1]``, batch-major. Raises: InputError when there is not one per codebook."""
        t = self.temperature if isinstance(self.temperature, tuple) else (self.temperature,) * codebooks
        if len(t) != codebooks:
            raise InputError(f"{len(t)} temperatures for {codebooks} codebooks; give one, or one per codebook")
        return torch.tensor(t).repeat(batch)[:, None]


def check_fits(params: SamplingParams, codebooks: int) -> None:
    """Raises: InputError when there is not one temperature per codebook, or the window is longer than what is kept."""
    params.row_temperatures(1, codebooks)
    if params.repetition_window > HISTORY:
        raise InputError(f"repetition_window is {params.repetition_window}; give at most {HISTORY}")


@dataclass(frozen=True)
class SavedSamplerState:
    """The state of one row, or of all, set aside."""

    floats: Tensor
    ints: Tensor
    history: Tensor
    seen_tokens: Tensor


class SamplerState:
    """The state of a pool's slots, one row each, or (by slicing) of some of them.

    Everything a decode step reads or writes is here, so that a captured step finds it at the same addresses.
    """

    def __init__(self, floats: Tensor, ints: Tensor, history: Tensor, seen_tokens: Tensor) -> None:
        """``floats`` ``[R, Q + 2]``, ``ints`` ``[R, Q + 8]``, ``history`` ``[R, Q, W]``, ``seen_tokens`` ``[R, Q, V]``.

        V is 0 where sampling does not use ``seen_tokens``, the codes that occurred at all.
        """
        self.floats, self.ints, self.history = floats, ints, history  # their columns have names:
        self.seen_tokens = seen_tokens
        q = self.codebooks = history.shape[1]
        self.temperature, self.top_p, self.penalty = floats[:, :q], floats[:, q], floats[:, q + 1]
        self.last = ints[:, :q]  # the last frame, the input of the next step
        self.length, self.step, self.seed = ints[:, q], ints[:, q + 1], ints[:, q + 2]
        self.min_new, self.top_k, self.window = ints[:, q + 3], ints[:, q + 4], ints[:, q + 5]
        self.flags = ints[:, q + 6]  # USED, GREEDY
        self.position_offset = ints[:, q + 7]  # of the positions

    @classmethod
    def empty(cls, rows: int, codebooks: int, *, device: torch.device, seen_tokens: int = 0) -> "SamplerState":
        """The state of empty slots; ``seen_tokens``: V where sampling is by presence, else 0."""
        return cls(
            torch.ones(rows, codebooks + 2, device=device),
            torch.zeros(rows, codebooks + 8, dtype=torch.long, device=device),
            torch.full((rows, codebooks, HISTORY), NO_CODE, dtype=torch.long, device=device),
            torch.zeros(rows, codebooks, seen_tokens, dtype=torch.bool, device=device),
        )

    def __getitem__(self, rows: slice) -> "SamplerState":
        """Some of the rows, in the same memory."""
        return SamplerState(self.floats[rows], self.ints[rows], self.history[rows], self.seen_tokens[rows])

    @property
    def by_presence(self) -> bool:
        """Whether sampling is by presence."""
        return self.seen_tokens.shape[-1] > 0

    def enter(
        self,
        row: int,
        params: SamplingParams,
        vocabulary: int,
        *,
        seed: int | None,
        length: int,
        position_offset: int = 0,
        seen_tokens: Tensor | None = None,
    ) -> int:
        """Set up a slot for a new request. ``seed`` None always takes the most likely code.

        Args:
            seen_tokens: ``[H]`` codes of the reference, where sampling is by presence.
        Returns: the most codes that it keeps, its effective ``top_k``.
        """
        temperatures = params.row_temperatures(1, self.codebooks)[:, 0]
        top_p = NEVER if params.top_p is None or params.top_p == 1 else params.top_p
        least = 1 if self.by_presence else MIN_KEEP
        top_k = vocabulary if params.top_k is None else min(max(params.top_k, least), vocabulary)
        floats = torch.cat((temperatures, torch.tensor([top_p, params.repetition_penalty])))
        flags = USED | (GREEDY if seed is None else 0)
        ints = [0] * self.codebooks
        ints += [length, 0, seed or 0, params.min_new_tokens, top_k, params.repetition_window, flags, position_offset]
        self.floats[row] = floats.to(self.floats.device)
        self.ints[row] = torch.tensor(ints, dtype=torch.long, device=self.ints.device)
        self.history[row] = NO_CODE
        self.seen_tokens[row] = False
        if self.by_presence and seen_tokens is not None:
            self.seen_tokens[row, :, seen_tokens.to(self.seen_tokens.device)] = True
        return top_k

    def leave(self, row: int) -> None:
        """No request has the slot: its padding in a step stays where it is, and finite."""
        self.floats[row] = 1
        self.ints[row] = 0
        self.history[row] = NO_CODE
        self.seen_tokens[row] = False

    def commit(self, codes: Tensor) -> None:
        """Append ``codes`` ``[R, Q]`` to the history of all slots in use; empty slots do not change."""
        used = self.flags & USED
        self.history.copy_(torch.cat((self.history[..., 1:], codes[..., None]), -1))
        if self.by_presence:
            self.seen_tokens.scatter_(-1, codes[..., None], True)
        self.last.copy_(codes * used[:, None])
        self.step.add_(used)

    def grow(self) -> None:
        """All rows hold one position more."""
        self.length.add_(self.flags & USED)

    def snapshot(self) -> SavedSamplerState:
        """A copy of all rows."""
        return SavedSamplerState(*(held.clone() for held in (self.floats, self.ints, self.history, self.seen_tokens)))

    def put_back(self, saved: SavedSamplerState) -> None:
        """All rows as they were, in the same memory."""
        self.floats.copy_(saved.floats)
        self.ints.copy_(saved.ints)
        self.history.copy_(saved.history)
        self.seen_tokens.copy_(saved.seen_tokens)

    def save(self, row: int) -> SavedSamplerState:
        """A copy of a row's state."""
        return SavedSamplerState(
            *(held[row].clone() for held in (self.floats, self.ints, self.history, self.seen_tokens))
        )

    def restore(self, row: int, saved: SavedSamplerState) -> None:
        """Put it back."""
        self.floats[row], self.ints[row] = saved.floats, saved.ints
        self.history[row], self.seen_tokens[row] = saved.history, saved.seen_tokens
