"""The interfaces that the engine drives: an autoregressive model, and a stage that decodes its frames to audio."""

# B batch, L prompt positions, S tokens of a text, T code frames, Q codebooks, V codes per codebook, D model width,
# n samples

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vivace.errors import TTSError
from vivace.layers.attention import KVStore

# How a family samples; the order of the steps is part of a model. "recent": temperature first, and a code is made less
# likely for every recent occurrence. "presence": once if it occurred at all, the reference's codes included, and
# the speech ends, too, where the end code is the likeliest before anything is dropped.
Sampling = Literal["recent", "presence"]


@dataclass(frozen=True)
class ARSpec:
    """The shape of an autoregressive model."""

    layers: int
    heads: int
    head_dim: int
    codebooks: int  # Q
    vocabulary: int  # V, the end code included
    end_code: int
    max_positions: int
    sampling: Sampling = "recent"


@dataclass(frozen=True)
class SharedPrefix:
    """The start of a prompt that other prompts have too, such as a voice and its transcript."""

    key: str  # equal keys mean equal embeddings
    length: int  # positions, fewer than the prompt has


@dataclass(frozen=True)
class ARPrompt:
    """A left-padded batch, embedded and ready for prefill."""

    embeddings: Tensor  # [B, L, D]
    attention_mask: Tensor  # [B, L] bool, False on padding
    prefix_len: int = 0  # positions below it see one another; the rest is causal
    shared: SharedPrefix | None = None  # read once and remembered; causal prompts only
    position_offset: int = 0  # the row at position 0; those before it have negative ones
    history: Tensor | None = None  # [H] codes that count as seen, where sampling is by presence

    @property
    def positions(self) -> Tensor:
        """``[B, L]``: real positions count to 0 and on; padding holds 1, as the reference has it."""
        count = self.attention_mask.long().cumsum(-1) - 1 - self.position_offset
        return count.masked_fill(~self.attention_mask, 1)


@dataclass(frozen=True, eq=False)
class AttentionAlignment:
    """How a generation went through the tokens of its text, as far as attention tells."""

    seen: NDArray[np.float32]  # [S] for how many frames each of them was looked at
    at: NDArray[np.int64]  # [T] which of them each frame looked at most
    sounds: NDArray[np.bool_]  # [S] whether they have a sound


class ARModel(Protocol):
    """An autoregressive model: embeds codes, turns embeddings into hidden states, and hidden states into logits."""

    @property
    def spec(self) -> ARSpec: ...

    def embed(self, codes: Tensor) -> Tensor:
        """``[B, T, Q]`` -> ``[B, T, D]``."""
        ...

    def forward(self, x: Tensor, positions: Tensor, store: KVStore) -> Tensor:
        """``[B, L, D]`` at ``positions`` ``[B, L]`` -> hidden states ``[B, L, D]``; ``store`` masks the positions."""
        ...

    def logits(self, hidden: Tensor) -> Tensor:
        """``[B, D]`` -> ``[B, Q, V]``, float32."""
        ...


class FrameStream(Protocol):
    """The audio of one generation in the making."""

    @property
    def lookahead(self) -> int:
        """Frames after its own that a sample waits for."""
        ...


@dataclass(frozen=True)
class FramePart:
    """New frames of one stream."""

    stream: FrameStream
    hidden: Tensor  # [t, D]
    codes: Tensor  # [t, Q]
    last: bool

    @property
    def work(self) -> int:
        """Frames it costs to decode: an end is decoded as far as samples before it look ahead."""
        return len(self.hidden) + (self.stream.lookahead if self.last else 0)


class FrameStage(Protocol):
    """Turns frames into samples; what belongs to different requests goes through the device together."""

    def open(self, context: object) -> FrameStream:
        """A stream of its own for a new generation, whose job has this ``context``."""
        ...

    def decode(self, parts: Sequence[FramePart]) -> list[NDArray[np.float32] | TTSError]:
        """The samples ``[n]`` of each part that are final now; all of a stream joined are its whole audio.

        A stream whose numbers went wrong is an error in its own place; its neighbors do not notice.
        """
        ...
