"""Weights of any size that are a function of their names: how the vectors of GPT-SoVITS were made.

Source: appendix C of the GPT-SoVITS model facts.
"""

import math
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vivace.weights.keymap import KeyMap
from vivace.weights.load import fold_weight_norm
from vivace.weights.tensor_file import TensorInfo

Shapes = dict[str, tuple[int, ...]]
BLOCK = 2**17
TABLES = ("word_embeddings.weight", "text_embedding.weight", "_codebook.embed")


def uniform(key: str, shape: tuple[int, ...]) -> Tensor:
    """Numbers from 0 to 1 that only the key decides."""
    return _numbers(key, shape, 1.0, 0.0)


def symmetric(key: str, shape: tuple[int, ...], size: float = 1.0) -> Tensor:
    """Numbers from ``-size`` to ``size``."""
    return _numbers(key, shape, 2.0, 1.0, size)


def integers(key: str, shape: tuple[int, ...], limit: int) -> Tensor:
    """Whole numbers below ``limit``."""
    drawn = _hashed(key, 0, math.prod(shape)) * (limit / 2.0**32)
    return torch.from_numpy(np.floor(drawn).astype(np.int64).reshape(shape))


def parameter(key: str, shape: tuple[int, ...]) -> Tensor:
    """The value of a parameter under its name in the file."""
    last = key.rpartition(".")[2]
    if last == "running_var":
        return 1 + 0.5 * uniform(key, shape)
    if last == "weight_g":
        return 1 + 0.1 * symmetric(key, shape)
    if len(shape) == 1 or last in ("gamma", "beta"):
        around_one = last in ("weight", "gamma") or key.endswith("_position.alpha")
        return symmetric(key, shape, 0.1) + (1 if around_one else 0)
    if key.endswith((*TABLES, "emb_rel_k", "emb_rel_v")):
        return symmetric(key, shape)
    return symmetric(key, shape, math.sqrt(3 / math.prod(shape[1:])))


def fill(
    module: nn.Module, keymap: KeyMap, shapes: Shapes, *, prefix: str = "", given: Mapping[str, Tensor] | None = None
) -> None:
    """Give a module on the meta device the weights of a file whose tensors have these names and shapes.

    Args:
        prefix: that names have in the original file and not in a converted one.
        given: tensors of the module that are no function of their names.
    """
    names = {_converted(key): key for key in shapes}
    tensors: dict[str, Tensor] = {}
    for source in keymap.sources(names):
        parts = [parameter(prefix + names[key], shapes[names[key]]) for key in source.keys]
        tensors[source.target] = fold_weight_norm(*parts) if source.folds else parts[0]
    module.load_state_dict(tensors | dict(given or {}), strict=True, assign=True)
    module.eval().requires_grad_(False)


def header_of(shapes: Shapes) -> Mapping[str, TensorInfo]:
    """What a converted file of these tensors says of itself."""
    return {_converted(key): TensorInfo(shape, torch.float32) for key, shape in shapes.items()}


def _converted(key: str) -> str:
    return key.replace(".weight_g", ".original0").replace(".weight_v", ".original1")


def _numbers(key: str, shape: tuple[int, ...], stretch: float, shift: float, size: float = 1.0) -> Tensor:
    """``size * (stretch * u - shift)`` in float64, rounded once; in blocks that stay in the cache."""
    out = np.empty(math.prod(shape), np.float32)
    for start in range(0, len(out), BLOCK):
        drawn = _hashed(key, start, min(BLOCK, len(out) - start)) * (stretch / 2.0**32)
        drawn -= shift
        drawn *= size
        out[start : start + BLOCK] = drawn
    return torch.from_numpy(out.reshape(shape))


def _hashed(key: str, start: int, count: int) -> NDArray[np.uint32]:
    seed = sum((i + 1) * byte for i, byte in enumerate(key.encode())) % 2**32
    h = np.arange(count, dtype=np.uint32)
    h += np.uint32((start + 1 + 7919 * seed) % 2**32)
    for _ in range(2):
        h ^= h >> 16
        h *= np.uint32(0x45D9F3B)
    h ^= h >> 16
    return h
