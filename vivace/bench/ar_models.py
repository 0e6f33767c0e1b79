"""Language models to measure: the embedded voice's, and those of the published sizes with random weights."""

from dataclasses import dataclass

import torch
from torch import nn

from vivace.engine.protocols import ARModel
from vivace.layers.precision import Precision
from vivace.models.chattts.checkpoint.config import GPTConfig
from vivace.models.chattts.gpt import CodeMode, Embeddings, Llama
from vivace.models.gpt_sovits.t2s.model import S1Config, S1Model

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
