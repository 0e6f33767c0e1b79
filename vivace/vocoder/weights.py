"""Tensor names and sizes of published vocoder files, and ours."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vivace.errors import WeightsMismatchError
from vivace.layers.hifigan import HiFiGANConfig
from vivace.layers.meta_init import meta_init
from vivace.vocoder.bigvgan import BigVGAN, BigVGANConfig
from vivace.vocoder.hifigan import PUBLISHED_V4, HiFiGAN
from vivace.vocoder.vocos import Vocos
from vivace.weights.keymap import KeyMap
from vivace.weights.load import ModulePart
from vivace.weights.tensor_file import read_header

VOCOS = KeyMap(
    rules=(
        (r"backbone\.convnext\.(\d+)\.gamma", r"backbone.convnext.\1.scale"),
        (r"head\.istft\.window", r"head.window"),
    )
)
VOCOS_UNUSED = (r"feature_extractor\..+",)  # window and filters of the mel, which are computed
_FOLDED = ((r"(.+)", r"\1.weight"),)
HIFIGAN = KeyMap(weight_norm=_FOLDED)
BIGVGAN = KeyMap(rules=((r"(.*activation.*)\.upsample\.filter", r"\1.filter"),), weight_norm=_FOLDED)
BIGVGAN_UNUSED = (r".+\.downsample\.lowpass\.filter",)  # the same filter again

# Fields of a BigVGAN's config.json and ours.
BIGVGAN_FIELDS = {
    "num_mels": "channels",
    "upsample_initial_channel": "initial",
    "upsample_rates": "rates",
    "upsample_kernel_sizes": "kernels",
    "resblock_kernel_sizes": "block_kernels",
    "resblock_dilation_sizes": "dilations",
    "use_bias_at_final": "post_bias",
    "use_tanh_at_final": "tanh",
    "sampling_rate": "sample_rate",
}
BIGVGAN_FIXED = {"resblock": "1", "activation": "snakebeta", "snake_logscale": True}  # the forms that are known here
BIGVGAN_OLDER = {"post_bias": True, "tanh": True}  # what files mean that do not say


def build_vocos(
    file: Path, *, input_channels: int, dim: int, intermediate_dim: int, num_layers: int
) -> tuple[Vocos, ModulePart]:
    """Lay out a Vocos without its weights, and say where they are."""
    with meta_init():
        vocos = Vocos(input_channels=input_channels, dim=dim, intermediate_dim=intermediate_dim, num_layers=num_layers)
    return vocos, ModulePart(vocos, file, VOCOS, ignore=VOCOS_UNUSED)


def build_hifigan(file: Path) -> tuple[HiFiGAN, ModulePart]:
    """Lay out the HiFi-GAN of GPT-SoVITS v4, its widths as the file has them.

    Raises: WeightsError when the file cannot be read, or lacks its first convolution.
    """
    header = read_header(file)
    first = header.get("conv_pre.weight")
    if first is None or len(first.shape) != 3:
        raise WeightsMismatchError(f"{file} is no HiFi-GAN: it has no conv_pre.weight; convert the vocoder again")
    config = HiFiGANConfig(first.shape[1], first.shape[0], PUBLISHED_V4.rates, PUBLISHED_V4.kernels)
    with meta_init():
        hifigan = HiFiGAN(config)
    return hifigan, ModulePart(hifigan, file, HIFIGAN)


def build_bigvgan(file: Path, sizes: Mapping[str, Any]) -> tuple[BigVGAN, ModulePart]:
    """Lay out a BigVGAN without its weights, and say where they are.

    Args:
        sizes: its ``config.json``.
    Raises: WeightsMismatchError when it is of a form that is not known here.
    """
    with meta_init():
        bigvgan = BigVGAN(bigvgan_config(sizes))
    return bigvgan, ModulePart(bigvgan, file, BIGVGAN, ignore=BIGVGAN_UNUSED)


def bigvgan_config(sizes: Mapping[str, Any]) -> BigVGANConfig:
    """The configuration that a BigVGAN's ``config.json`` means. Raises: WeightsMismatchError."""
    for name, known in BIGVGAN_FIXED.items():
        if sizes.get(name, known) != known:
            raise WeightsMismatchError(
                f"a BigVGAN with {name} {sizes[name]!r} is not known here; use one with {known!r}"
            )
    values: dict[str, Any] = dict(BIGVGAN_OLDER)
    for theirs, ours in BIGVGAN_FIELDS.items():
        if theirs in sizes:
            values[ours] = _frozen(sizes[theirs])
        elif ours not in BIGVGAN_OLDER:
            raise WeightsMismatchError(
                f"the BigVGAN's config.json lacks {theirs}; copy it again from where it came from"
            )
    return BigVGANConfig(**values)


def _frozen(value: Any) -> Any:
    """Lists of lists as tuples of tuples."""
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
