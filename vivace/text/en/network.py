"""A network that scores graphones by the whole word: ``data/en_g2p_network.npz.xz``.

The n-gram models see the graphones on one side of a letter. Here two bidirectional layers of gated recurrent units (Cho
et al., 2014, arXiv:1406.1078) read all letters; a hidden layer adds the graphones before; each letter has an output of
its own, the graphones that begin with it. Matrices are ``[in, out]``, in 8 bits on disk.
"""

import io
import lzma
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vivace.text.en.graphones import FIRST_GRAPHONE

HISTORY = 4  # graphones seen before
LETTERS = 26

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Bidirectional:
    """A layer of gated recurrent units, ``H`` each way; gates in the order reset, update, new."""

    input: Floats  # [2, D, 3H]
    recurrent: Floats  # [2, H, 3H]
    input_bias: Floats  # [2, 3H]
    recurrent_bias: Floats  # [2, 3H]

    def __call__(self, x: Floats) -> Floats:
        """``[L, D]`` -> ``[L, 2H]``; both directions take each step together."""
        size = self.recurrent.shape[1]
        given = np.stack([x, x[::-1]]) @ self.input + self.input_bias[:, None]  # [2, L, 3H]
        state = np.zeros((2, size), np.float32)
        states = np.empty((len(x), 2, size), np.float32)
        for t in range(len(x)):
            past = (state[:, None] @ self.recurrent)[:, 0] + self.recurrent_bias
            gates = 0.5 + 0.5 * np.tanh(0.5 * (given[:, t, : 2 * size] + past[:, : 2 * size]))
            new = np.tanh(given[:, t, 2 * size :] + gates[:, :size] * past[:, 2 * size :])
            state = states[t] = new + gates[:, size:] * (state - new)
        return np.concatenate([states[:, 0], states[::-1, 1]], axis=1)


@dataclass(frozen=True)
class GraphoneNetwork:
    """Weights; ``H`` hidden units, ``G`` graphones in the order of their symbols, which is that of their letters."""

    letters: Floats  # [LETTERS, D]
    layers: tuple[Bidirectional, ...]
    seen: Floats  # [width of the last layer, H]
    seen_bias: Floats  # [H]
    graphones: Floats  # [G + 1, E], 0 before the word
    before: Floats  # [HISTORY * E, H]
    hidden: Floats  # [H, H]
    hidden_bias: Floats  # [H]
    output: Floats  # [H, G]
    output_bias: Floats  # [G]
    initial: Bytes  # [G] the first letter of each graphone, 0 to 25, never falling
    lengths: Bytes  # [G] how many letters it spells

    def scores(self, word: str, paths: Sequence[Sequence[int]]) -> list[float]:
        """The log-probability of each path of symbols that spells ``word``, in nats."""
        letters = np.array([ord(c) - 97 for c in word])
        contexts: dict[tuple[int, ...], int] = {}  # position and the graphones before it -> row
        steps: list[list[tuple[int, int]]] = []  # of each path: row and graphone
        for path in paths:
            position, history = 0, (0,) * HISTORY
            steps.append([])
            for symbol in path:
                graphone = symbol - FIRST_GRAPHONE
                steps[-1].append((contexts.setdefault((position, *history), len(contexts)), graphone))
                position += self._lengths[graphone]
                history = (*history[1:], graphone + 1)
        keys = np.array(list(contexts))
        inner = self._encode(letters)[keys[:, 0]] + self.graphones[keys[:, 1:]].reshape(len(keys), -1) @ self.before
        inner = np.maximum(np.maximum(inner, 0) @ self.hidden + self.hidden_bias, 0)
        found = np.empty((len(keys), len(self.initial)), np.float32)
        at = letters[keys[:, 0]]
        for letter in np.unique(at):
            rows, (a, b) = np.flatnonzero(at == letter), np.searchsorted(self.initial, (letter, letter + 1))
            logits = inner[rows] @ self.output[:, a:b] + self.output_bias[a:b]
            logits -= logits.max(axis=1, keepdims=True)
            found[rows, a:b] = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return [float(sum(found[row, graphone] for row, graphone in path)) for path in steps]

    def _encode(self, letters: NDArray[np.int64]) -> Floats:
        """The hidden layer's input of each letter of the word, among the others: ``[L]`` -> ``[L, H]``."""
        x = self.letters[letters]
        for layer in self.layers:
            x = layer(x)
        return np.asarray(x @ self.seen + self.seen_bias)

    @cached_property
    def _lengths(self) -> list[int]:
        return [int(n) for n in self.lengths]

    @classmethod
    def unpack(cls, packed: bytes) -> "GraphoneNetwork":
        """The inverse of ``pack``."""
        stored = np.load(io.BytesIO(lzma.decompress(packed)), allow_pickle=False)

        def weights(name: str) -> Floats:
            scale = f"{name}_scale"
            matrix: Floats = stored[name].astype(np.float32)
            return matrix * stored[scale].astype(np.float32) if scale in stored else matrix

        depth = sum(name.startswith("recurrent_bias") for name in stored.files)
        layers = (Bidirectional(*(weights(f"{name}{k}") for name in LAYER)) for k in range(depth))
        flat = {name: weights(name) for name in (*MATRICES, *BIASES)}
        return cls(layers=tuple(layers), **flat, initial=stored["initial"], lengths=stored["lengths"])


MATRICES = ("letters", "seen", "graphones", "before", "hidden", "output")
BIASES = ("seen_bias", "hidden_bias", "output_bias")
LAYER = ("input", "recurrent", "input_bias", "recurrent_bias")


def pack(network: GraphoneNetwork) -> bytes:
    """The network as bytes, its matrices in 8 bits with one scale for each column."""
    named: dict[str, Floats] = {name: getattr(network, name) for name in (*MATRICES, *BIASES)}
    for k, layer in enumerate(network.layers):
        named |= {f"{name}{k}": getattr(layer, name) for name in LAYER}
    stored: dict[str, Any] = {"initial": network.initial, "lengths": network.lengths}
    for name, values in named.items():
        values = np.ascontiguousarray(values)  # the same bytes for the same weights
        if "bias" in name:
            stored[name] = values.astype(np.float16)
            continue
        scale = (np.abs(values).max(axis=-2, keepdims=True) / 127).astype(np.float16) + np.float16(1e-6)
        stored[name] = np.rint(values / scale.astype(np.float32)).clip(-127, 127).astype(np.int8)
        stored[f"{name}_scale"] = scale
    buffer = io.BytesIO()
    np.savez(buffer, **stored)
    return lzma.compress(buffer.getvalue(), preset=9 | lzma.PRESET_EXTREME)
