"""What the legacy files of ChatTTS call their tensors, and what the published safetensors files do.

Source: section 2.3 of the ChatTTS facts (releases 0.0 to 0.2.0).
"""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from vivace.errors import WeightsError
from vivace.weights.keymap import Rules

Tensors = dict[str, Tensor]

LAYER_SCALE: Rules = ((r"((?:encoder|decoder)\.decoder_block\.\d+)\.gamma", r"\1.weight"),)  # not in Vocos
EMBEDDINGS = re.compile(r"(emb_text|emb_code|head_text|head_code)\..+")
LLAMA = "gpt."  # prefix of the language model in GPT.pt

# What the tensors of a language model do not tell; as published.
PUBLISHED_GPT: dict[str, Any] = {
    "architectures": ["LlamaModel"],
    "hidden_act": "silu",
    "max_position_embeddings": 4096,
    "model_type": "llama",
    "num_attention_heads": 12,
    "num_key_value_heads": 12,
    "num_vq": 4,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10_000.0,
    "torch_dtype": "float32",
}


def split_gpt(tensors: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """``GPT.pt`` as the two files it became: the language model, and the embeddings with the heads.

    Raises: WeightsError when there is something else in it, or a part is missing.
    """
    embeddings = {key: tensor for key, tensor in tensors.items() if EMBEDDINGS.fullmatch(key)}
    llama = {key.removeprefix(LLAMA): tensor for key, tensor in tensors.items() if key.startswith(LLAMA)}
    others = tensors.keys() - embeddings.keys() - {LLAMA + key for key in llama}
    if others or not embeddings or not llama:
        example = f": {min(others)!r} is unknown" if others else ""
        raise WeightsError(f"GPT.pt is not a ChatTTS language model{example}; take the file of release 0.1")
    return llama, embeddings


def gpt_config(llama: Mapping[str, Tensor], embeddings: Mapping[str, Tensor]) -> dict[str, Any]:
    """``gpt/config.json``: sizes read off the tensors, the rest as published. Raises: WeightsError."""
    layers = {int(match[1]) for key in llama if (match := re.match(r"layers\.(\d+)\.", key))}
    try:
        intermediate_size, hidden_size = llama["layers.0.mlp.up_proj.weight"].shape
        codebooks = [key for key in embeddings if re.fullmatch(r"emb_code\.\d+\.weight", key)]
        return PUBLISHED_GPT | {
            "hidden_size": hidden_size,
            "intermediate_size": intermediate_size,
            "num_hidden_layers": max(layers) + 1,
            "num_audio_tokens": embeddings["emb_code.0.weight"].shape[0],
            "num_text_tokens": embeddings["emb_text.weight"].shape[0],
            "num_vq": len(codebooks),
        }
    except (KeyError, ValueError) as exc:
        raise WeightsError(f"GPT.pt is not a ChatTTS language model ({exc}); take the file of release 0.1") from exc
