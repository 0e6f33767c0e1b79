"""The Vocos that is trained: how it starts, where its weights come from, and how they are written down."""

# B batch, M mel bins, F frames

import math
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from vivace.errors import WeightsMismatchError, WeightsNotFoundError
from vivace.layers.convnext import ConvNeXtBlock
from vivace.train.voice.depthwise import block_forward, conv_forward
from vivace.train.voice.export import VOCOS_NAMES, published_names
from vivace.vocoder.vocos import Vocos
from vivace.vocoder.weights import VOCOS
from vivace.weights.load import read_tensors, write_tensors

PREFIXES = ("average.", "generator.", "model.")  # of a checkpoint of ours, and of the recipe's; the first found counts
COMPUTED = (".window", ".mel_scale.fb")  # buffers that some files have, and that follow from the sizes
IN_A_FOLDER = ("vocos.safetensors", "asset/Vocos.safetensors")


def new_vocos(
    input_channels: int,
    dim: int,
    intermediate_dim: int,
    num_layers: int,
    n_fft: int = 1024,
    hop: int = 256,
    sample_rate: int = 24_000,
) -> Vocos:
    """A vocoder as its authors start it: weights of standard deviation 0.02, layer scales of one over the layers."""
    vocos = Vocos(
        input_channels=input_channels,
        dim=dim,
        intermediate_dim=intermediate_dim,
        num_layers=num_layers,
        n_fft=n_fft,
        hop=hop,
        sample_rate=sample_rate,
    )
    for name, parameter in vocos.named_parameters():
        if parameter.dim() > 1:
            nn.init.trunc_normal_(parameter, std=0.02)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
        elif name.endswith("scale"):
            nn.init.constant_(parameter, 1 / num_layers)
    return vocos


def vocos_forward(vocos: Vocos, mel: Tensor) -> Tensor:
    """``vocos`` at training speed where the library's depthwise convolutions are slow: ``[B, M, F]`` -> wave."""
    backbone = vocos.backbone
    x = backbone.norm(conv_forward(backbone.embed, mel.transpose(1, 2)).float())
    for block in backbone.convnext:
        x = block_forward(cast(ConvNeXtBlock, block), x)
    return vocos.head.wave(vocos.head.raw(backbone.final_layer_norm(x)))


def read_vocos(path: Path, *, hop: int = 256, rate: int = 24_000) -> Vocos:
    """A trained vocoder in float32; its sizes are read off its tensors.

    Args:
        path: weights under published names, a checkpoint of a training run, or a folder that has one of them.
    Raises:
        WeightsNotFoundError: nothing there.
        WeightsMismatchError: it holds something else.
    """
    file = _file_in(path) if path.is_dir() else path
    tensors, _ = read_tensors(file)
    prefix = next((p for p in PREFIXES if any(key.startswith(p) for key in tensors)), "")
    mine = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
    ours = {s.target: mine[s.keys[0]].float() for s in VOCOS.sources(mine) if not s.target.endswith(COMPUTED)}
    try:
        dim, mels, _ = ours["backbone.embed.weight"].shape
        vocos = Vocos(
            input_channels=mels,
            dim=dim,
            intermediate_dim=len(ours["backbone.convnext.0.pwconv1.weight"]),
            num_layers=sum(key.endswith(".pwconv1.weight") for key in ours),
            n_fft=len(ours["head.out.bias"]) - 2,
            hop=hop,
            sample_rate=rate,
        )
        window = {key: value for key, value in vocos.state_dict().items() if key.endswith(COMPUTED)}
        vocos.load_state_dict(ours | window)
    except (KeyError, ValueError, RuntimeError) as exc:
        reason = " ".join(str(exc).split())[:200]
        raise WeightsMismatchError(f"{file} holds no Vocos ({reason}); name a Vocos.safetensors") from exc
    return vocos


def _file_in(folder: Path) -> Path:
    found = [folder / name for name in IN_A_FOLDER if (folder / name).is_file()]
    if not found:
        raise WeightsNotFoundError(f"no {' or '.join(IN_A_FOLDER)} in {folder}; name a file of weights")
    return found[0]


def write_vocos(path: Path, vocos: Vocos, dtype: torch.dtype = torch.float32) -> None:
    """Write the weights under the names of published checkpoints."""
    named = published_names(vocos.state_dict(), VOCOS_NAMES)
    write_tensors(path, {key: value.detach().to(dtype) for key, value in named.items()}, {"format": "pt"})


@torch.no_grad()
def quieter(vocos: Vocos, gain: float) -> None:
    """Take ``gain`` out of the weights: the head gives log magnitudes, so that a gain is a bias."""
    bias = vocos.head.out.bias
    bias[: len(bias) // 2] -= math.log(gain)
