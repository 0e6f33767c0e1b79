"""Models and texts that the benchmarks time."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

from vivace.models.chattts.checkpoint.config import ChatTTSConfig
from vivace.models.chattts.checkpoint.load import SPECIAL_TOKENS
from vivace.pipeline.tts import TTS
from vivace.settings import TTSConfig
from vivace.types import PrecisionChoice

FOLDER = Path(__file__).parent / "data"


@cache
def sentences() -> tuple[str, ...]:
    """200 everyday sentences, Chinese and English in turn, from two words to two lines."""
    zh, en = (_lines(FOLDER / f"sentences_{language}.txt") for language in ("zh", "en"))
    return tuple(text for pair in zip(zh, en, strict=True) for text in pair)


def spread(count: int | None) -> tuple[str, ...]:
    """``count`` of them from all over the list, as many of each language; None: all."""
    every = sentences()
    if count is None or count >= len(every):
        return every
    pairs = len(every) // 2
    chosen = [(2 * (i // 2 * pairs // -(-count // 2)) + i % 2) for i in range(count)]
    return tuple(every[i] for i in chosen)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


Shapes = dict[str, list[int]]

N_FFT_BINS, MELS = 513, 100


def _stack(prefix: str, idim: int, odim: int, hidden: int, bottleneck: int = 128, blocks: int = 12) -> Shapes:
    shapes: Shapes = {
        "conv_in.0.weight": [bottleneck, idim, 3],
        "conv_in.0.bias": [bottleneck],
        "conv_in.2.weight": [hidden, bottleneck, 3],
        "conv_in.2.bias": [hidden],
        "conv_out.weight": [odim, hidden, 1],
    }
    for j in range(blocks):
        shapes |= {f"decoder_block.{j}.{k}": s for k, s in _block(hidden, 4 * hidden, "weight").items()}
    return {f"{prefix}.{key}": shape for key, shape in shapes.items()}


def _block(dim: int, inner: int, scale: str) -> Shapes:
    return {
        "dwconv.weight": [dim, 1, 7],
        "dwconv.bias": [dim],
        "norm.weight": [dim],
        "norm.bias": [dim],
        "pwconv1.weight": [inner, dim],
        "pwconv1.bias": [inner],
        "pwconv2.weight": [dim, inner],
        "pwconv2.bias": [dim],
        scale: [dim],
    }


def _mel(prefix: str) -> Shapes:
    return {f"{prefix}.spectrogram.window": [1024], f"{prefix}.mel_scale.fb": [N_FFT_BINS, MELS]}


def gpt(width: int = 768, inner: int = 3072, layers: int = 20, vocabulary: int = 32_000) -> Shapes:
    """``asset/gpt/model.safetensors``."""
    shapes: Shapes = {"embed_tokens.weight": [vocabulary, width], "norm.weight": [width]}
    for i in range(layers):
        attention: Shapes = {f"self_attn.{k}_proj.weight": [width, width] for k in "qkvo"}
        mlp: Shapes = {"mlp.gate_proj.weight": [inner, width], "mlp.up_proj.weight": [inner, width]}
        norms: Shapes = {f"{k}_layernorm.weight": [width] for k in ("input", "post_attention")}
        layer = attention | mlp | norms | {"mlp.down_proj.weight": [width, inner]}
        shapes |= {f"layers.{i}.{key}": shape for key, shape in layer.items()}
    return shapes


def embed(width: int = 768, text: int = 21_178, codes: int = 626) -> Shapes:
    """``asset/Embed.safetensors``."""
    shapes: Shapes = {"emb_text.weight": [text, width]}
    heads = {"head_text": text} | {f"head_code.{k}": codes for k in range(4)}
    shapes |= {f"emb_code.{k}.weight": [codes, width] for k in range(4)}
    for head, size in heads.items():
        shapes[f"{head}.parametrizations.weight.original0"] = [size, 1]
        shapes[f"{head}.parametrizations.weight.original1"] = [size, width]
    return shapes


def decoder() -> Shapes:
    """``asset/Decoder.safetensors``."""
    return {"coef": [1, MELS, 1], "out_conv.weight": [MELS, 384, 3]} | _stack("decoder", 384, 384, 512)


def dvae() -> Shapes:
    """``asset/DVAE.safetensors``."""
    shapes: Shapes = {
        "coef": [1, MELS, 1],
        "downsample_conv.0.weight": [512, MELS, 3],
        "downsample_conv.0.bias": [512],
        "downsample_conv.2.weight": [512, 512, 4],
        "downsample_conv.2.bias": [512],
        "out_conv.weight": [MELS, 512, 3],
    }
    for g in range(2):
        project = f"vq_layer.quantizer.rvqs.{g}.project"
        shapes |= {f"{project}_in.weight": [4, 512], f"{project}_in.bias": [4]}
        shapes |= {f"{project}_out.weight": [512, 4], f"{project}_out.bias": [512]}
    stacks = _stack("encoder", 512, 1024, 256) | _stack("decoder", 512, 512, 256)
    return shapes | stacks | _mel("preprocessor_mel.mel_spec")


def vocos() -> Shapes:
    """``asset/Vocos.safetensors``."""
    shapes: Shapes = {
        "backbone.embed.weight": [512, MELS, 7],
        "backbone.embed.bias": [512],
        "head.out.weight": [1026, 512],
        "head.out.bias": [1026],
        "head.istft.window": [1024],
    }
    for norm in ("norm", "final_layer_norm"):
        shapes |= {f"backbone.{norm}.weight": [512], f"backbone.{norm}.bias": [512]}
    for j in range(8):
        shapes |= {f"backbone.convnext.{j}.{k}": s for k, s in _block(512, 1536, "gamma").items()}
    return shapes | _mel("feature_extractor.mel_spec")


PUBLISHED = {
    "asset/Decoder.safetensors": decoder,
    "asset/DVAE.safetensors": dvae,
    "asset/Embed.safetensors": embed,
    "asset/Vocos.safetensors": vocos,
    "asset/gpt/model.safetensors": gpt,
}


SCALE = 0.02  # standard deviation of the weights: activations stay finite through twenty layers
FRAMES_PER_UNIT = 3.3  # with the second of grace behind it, about what a sentence of ordinary length takes
FURTHER_TOKENS = ("[Sbreak]", "[Pbreak]", "[Ebreak]", "[break_0]", "[speed_5]")


def write_random_checkpoint(root: Path, *, seed: int = 0, endless: bool = False) -> int:
    """Write the published file layout under ``root``.

    Args:
        endless: the end code is never drawn and the limit is ``FRAMES_PER_UNIT``, so that how long a text takes to say
            depends on the text alone.
    Returns: bytes of all tensor files (1.2 GB).
    """
    generator = torch.Generator().manual_seed(seed)
    total = 0
    for name, shapes in PUBLISHED.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = {key: torch.randn(shape, generator=generator) * SCALE for key, shape in shapes().items()}
        if endless:
            _never_end(tensors)
        save_file(tensors, path)
        total += path.stat().st_size
    (root / "asset" / "gpt" / "config.json").write_text(json.dumps({"model_type": "llama"}))
    _write_tokenizer(root / "asset" / "tokenizer" / "tokenizer.json")
    if endless:
        (root / "config.json").write_text(json.dumps({"vivace": {"frames_per_unit": FRAMES_PER_UNIT}}))
    return total


def _never_end(tensors: dict[str, torch.Tensor]) -> None:
    """Give the end code the logit 0, which is never among the largest of 626 random ones."""
    for key, tensor in tensors.items():
        if key.startswith("head_code") and key.endswith("original0"):  # lengths of rows, apart from their directions
            tensor[-1] = 0


def _write_tokenizer(path: Path) -> None:
    size, special = ChatTTSConfig().gpt.num_text_tokens, (*SPECIAL_TOKENS, *FURTHER_TOKENS)
    words = ["[UNK]", *(f"w{i}" for i in range(size - len(special) - 1))]
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.add_special_tokens([AddedToken(token) for token in special])
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path))


Subject = Literal["embedded", "chattts"]

NAMES: dict[Subject, str] = {"embedded": "embedded voice", "chattts": "ChatTTS's size, random weights"}


@contextmanager
def checkpoint(subject: Subject) -> Iterator[Path | None]:
    """Where the subject's files are: random ones are written for the time of the measurement. None: built in."""
    if subject == "embedded":
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="vivace-bench-") as folder:
        write_random_checkpoint(Path(folder), endless=True)
        yield Path(folder)


@contextmanager
def speaker(root: Path | None, precision: PrecisionChoice, config: TTSConfig) -> Iterator[TTS]:
    """A warm ``TTS`` of the checkpoint; results are never reused.

    Random weights say nothing right: nothing of theirs is spoken again.
    """
    check = config.check.model_copy(update={"retries": 0}) if root else config.check
    settings = config.model_copy(update={"precision": precision, "model": None, "check": check})
    with TTS(root, config=settings) as tts:
        tts.warm_up()
        yield tts
