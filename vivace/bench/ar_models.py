"""Language models to measure: the embedded voice's, and one of the published size with random weights."""

from dataclasses import dataclass

import torch
from torch import nn

from vivace.layers.precision import Precision
from vivace.models.chattts.config import GPTConfig
from vivace.models.chattts.gpt import CodeMode, Embeddings, Llama

SCALE = 0.02  # standard deviation of the weights: activations stay finite through twenty layers
ON_ONE_THREAD = 16 << 20  # weights; below it a step on the CPU is faster on one thread

BYTES_PER_WEIGHT: dict[Precision, float] = {"float32": 4, "bfloat16": 2, "int8": 1, "int4": 0.625}


@dataclass(frozen=True)
class Measured:
    """A language model ready to run."""

    name: str
    config: GPTConfig
    mode: CodeMode
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


def embedded_voice(precision: Precision, *, device: torch.device | str = "cpu") -> Measured:
    """The embedded voice's language model."""
    from vivace.models.registry import embedded_root
    from vivace.pipeline.loading import load_chattts

    model = load_chattts(embedded_root(), device=device, fuse=False).model
    return _ready("embedded voice", model.config.gpt, model.llama, model.embeddings, precision)


def _ready(name: str, config: GPTConfig, llama: Llama, embeddings: Embeddings, precision: Precision) -> Measured:
    heads = sum(p.numel() for p in embeddings.head_code.parameters())
    for holder in (llama, embeddings):
        holder.set_precision(precision)
        holder.fuse()
    return Measured(name, config, CodeMode(llama, embeddings, config), precision, llama.weights + heads, llama.kv_dtype)
