"""GPT-SoVITS checkpoints of the published sizes with random weights: for timings, where the numbers do not matter."""

import json
import math
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from vivace.bench.gpt_sovits_shapes import (
    Item,
    bigvgan_shapes,
    hifigan_shapes,
    hubert_shapes,
    s1_shapes,
    s2_shapes,
    speaker_shapes,
)
from vivace.vocoder.alias_free import low_pass
from vivace.weights.tensor_file import write_tensors

ROTARY = "cfm.estimator.rotary_embed.inv_freq"
POSITIONS = "encoder.pos_conv_embed.conv"  # HuBERT's; folded in converted files
ONES = ("weight", "gamma", "running_var", "original0", "alpha")  # of what has one dimension, or scales
BIGVGAN = {
    "resblock": "1",
    "num_mels": 100,
    "upsample_rates": [4, 4, 2, 2, 2, 2],
    "upsample_kernel_sizes": [8, 8, 4, 4, 4, 4],
    "upsample_initial_channel": 1536,
    "resblock_kernel_sizes": [3, 7, 11],
    "resblock_dilation_sizes": [[1, 3, 5]] * 3,
    "activation": "snakebeta",
    "snake_logscale": True,
    "use_tanh_at_final": False,
    "use_bias_at_final": False,
    "sampling_rate": 24_000,
}
S2_SIZES = {
    "heads": 2,
    "rates": [10, 8, 2, 2, 2],
    "block_kernels": [3, 7, 11],
    "dilations": [[1, 3, 5]] * 3,
}


def write_random_gpt_sovits(root: Path, version: str, *, seed: int = 0) -> Path:
    """Write a checkpoint of ``version`` in float16, as converted ones are, into the new folder ``root``; no BERT."""
    torch.manual_seed(seed)
    root.mkdir(parents=True)
    settings = {"version": version, "s1": {"heads": 16, "max_seconds": 54}, "s2": S2_SIZES, "hubert": {}}
    phones = 512 if version == "v1" else 732
    _write(root / "s1.safetensors", s1_shapes(phones).items())
    extra = {ROTARY: 10_000.0 ** (-torch.arange(0, 64, 2) / 64)} if version in ("v3", "v4") else {}
    _write(root / "s2.safetensors", s2_shapes(version).items(), extra)
    hubert = dict(hubert_shapes())
    hubert |= {f"{POSITIONS}.weight": hubert.pop(f"{POSITIONS}.weight_v")}
    del hubert[f"{POSITIONS}.weight_g"]
    _write(root / "hubert.safetensors", hubert.items())
    if version.startswith("v2Pro"):
        settings["speaker"] = {}
        counters = {
            key.replace("running_mean", "num_batches_tracked"): torch.zeros((), dtype=torch.long)
            for key, _ in speaker_shapes()
            if key.endswith("running_mean")
        }
        _write(root / "speaker.safetensors", speaker_shapes(), counters)
    if version in ("v3", "v4"):
        settings["vocoder"] = BIGVGAN if version == "v3" else {}
        shapes = dict(bigvgan_shapes() if version == "v3" else hifigan_shapes())
        filters = {
            key.replace("act.alpha", "upsample.filter"): low_pass()[None, None] for key in shapes if "alpha" in key
        }
        _write(root / "vocoder.safetensors", shapes.items(), filters)
    (root / "gpt_sovits.json").write_text(json.dumps(settings), encoding="utf-8")
    return root


def _write(file: Path, shapes: Iterable[Item], extra: dict[str, Tensor] | None = None) -> None:
    tensors = {
        key.replace(".weight_g", ".original0").replace(".weight_v", ".original1"): _random(key, shape)
        for key, shape in shapes
    }
    write_tensors(file, tensors | (extra or {}))


def _random(key: str, shape: tuple[int, ...]) -> Tensor:
    last = key.rpartition(".")[2]
    if len(shape) == 1 or last in ("gamma", "beta", "weight_g"):
        one = last in (*ONES, "weight_g") and not key.endswith("act.alpha")
        return torch.full(shape, 1.0 if one else 0.0, dtype=torch.float16)
    return (torch.rand(shape) * 2 - 1).mul_(math.sqrt(3 / math.prod(shape[1:]))).half()
