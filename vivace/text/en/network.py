"""A small network that scores graphones by the letters on both sides: ``data/en_g2p_network.npz.xz``.

The n-gram models see the graphones on one side of a letter, the network the letters on both sides as well. Embeddings
are summed, two hidden layers follow, then an output for each letter: the graphones that begin with it.
"""

import io
import lzma
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vivace.text.en.graphones import FIRST_GRAPHONE

LETTERS = 27  # a to z from 1 on, 0 outside the word
SIDE = 5  # letters seen on each side
HISTORY = 3  # graphones seen before

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Network:
    """Weights; ``H`` hidden units, ``G`` graphones in the order of their symbols."""

    letters: Floats  # [2 * SIDE + 1, LETTERS, H]
    before: Floats  # [HISTORY, G + 1, H], 0 before the word
    bias: Floats  # [H]
    hidden: Floats  # [H, H]
    hidden_bias: Floats  # [H]
    output: Floats  # [G, H]
    output_bias: Floats  # [G]
    initial: NDArray[np.uint8]  # [G] the first letter of each graphone, 1 to 26
    lengths: NDArray[np.uint8]  # [G] how many letters it spells

    def scores(self, word: str, paths: Sequence[Sequence[int]]) -> list[float]:
        """The log-probability of each path of symbols that spells ``word``, in nats."""
        codes = np.array([0] * SIDE + [ord(c) - 96 for c in word] + [0] * SIDE)
        contexts: dict[tuple[int, ...], int] = {}  # position and the graphones before it -> row
        steps: list[list[tuple[int, int]]] = []  # of each path: row and graphone
        for path in paths:
            position, history = 0, (0,) * HISTORY
            steps.append([])
            for symbol in path:
                graphone = symbol - FIRST_GRAPHONE
                steps[-1].append((contexts.setdefault((position, *history), len(contexts)), graphone))
                position += int(self.lengths[graphone])
                history = (*history[1:], graphone + 1)
        keys = np.array(list(contexts))
        windows = np.lib.stride_tricks.sliding_window_view(codes, 2 * SIDE + 1)
        seen = self.letters[np.arange(2 * SIDE + 1), windows].sum(axis=1)  # [N, H] by position
        inner = seen[keys[:, 0]] + self.before[np.arange(HISTORY), keys[:, 1:]].sum(axis=1) + self.bias
        inner = np.maximum(np.maximum(inner, 0) @ self.hidden.T + self.hidden_bias, 0)
        found = np.full((len(keys), len(self.initial)), -np.inf, np.float32)
        at = codes[SIDE + keys[:, 0]]
        for letter in np.unique(at):
            rows, columns = (np.flatnonzero(at == letter), np.flatnonzero(self.initial == letter))
            logits = inner[rows] @ self.output[columns].T + self.output_bias[columns]
            top = logits.max(axis=1, keepdims=True)
            found[np.ix_(rows, columns)] = logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
        return [float(sum(found[row, graphone] for row, graphone in path)) for path in steps]

    @classmethod
    def unpack(cls, packed: bytes) -> "Network":
        """The inverse of ``pack``."""
        stored = np.load(io.BytesIO(lzma.decompress(packed)), allow_pickle=False)
        weights = {
            name: stored[name].astype(np.float32) * stored[f"{name}_scale"].astype(np.float32)
            for name in ("letters", "before", "hidden", "output")
        }
        biases = {name: stored[name].astype(np.float32) for name in ("bias", "hidden_bias", "output_bias")}
        return cls(**weights, **biases, initial=stored["initial"], lengths=stored["lengths"])


def pack(network: Network) -> bytes:
    """The network as bytes, its matrices in 8 bits with one scale for each row."""
    stored: dict[str, Any] = {"initial": network.initial, "lengths": network.lengths}
    for name in ("letters", "before", "hidden", "output"):
        matrix: Floats = getattr(network, name)
        scale = (np.abs(matrix).max(axis=-1, keepdims=True) / 127).astype(np.float16) + np.float16(1e-6)
        stored[name] = np.rint(matrix / scale.astype(np.float32)).clip(-127, 127).astype(np.int8)
        stored[f"{name}_scale"] = scale
    for name in ("bias", "hidden_bias", "output_bias"):
        stored[name] = getattr(network, name).astype(np.float16)
    buffer = io.BytesIO()
    np.savez(buffer, **stored)
    return lzma.compress(buffer.getvalue(), preset=9 | lzma.PRESET_EXTREME)
