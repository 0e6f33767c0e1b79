"""HuBERT: a recording to features, 50 a second. Source: arXiv:2106.07447; section 4 of the GPT-SoVITS model facts."""

# B batch, N samples at 16 kHz, T frames, C channels, D width

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from vivace.models.gpt_sovits.encoder_block import EncoderBlock
from vivace.weights.keymap import KeyMap
from vivace.weights.tensor_file import TensorInfo

SAMPLE_RATE = 16_000  # Hz
STRIDES = (5, 2, 2, 2, 2, 2, 2)
HEAD_DIM = 64  # written nowhere
TAIL = 9_600  # zeros behind a recording, 0.6 s: so the published models were made, and their codes depend on it

HUBERT_KEYS = KeyMap(
    (
        (r"feature_extractor\.conv_layers\.(\d+)\.conv\.weight", r"convs.\1.weight"),
        (r"feature_extractor\.conv_layers\.0\.layer_norm\.(.+)", r"first_norm.\1"),
        (r"feature_projection\.(layer_norm|projection)\.(.+)", r"\1.\2"),
        (r"encoder\.pos_conv_embed\.conv\.(.+)", r"positions.\1"),
        (r"encoder\.layer_norm\.(.+)", r"encoder_norm.\1"),
        (r"encoder\.layers\.(\d+)\.attention\.(q|k|v|out)_proj\.(.+)", r"layers.\1.\2.\3"),
        (r"encoder\.layers\.(\d+)\.layer_norm\.(.+)", r"layers.\1.norm1.\2"),
        (r"encoder\.layers\.(\d+)\.feed_forward\.intermediate_dense\.(.+)", r"layers.\1.linear1.\2"),
        (r"encoder\.layers\.(\d+)\.feed_forward\.output_dense\.(.+)", r"layers.\1.linear2.\2"),
        (r"encoder\.layers\.(\d+)\.final_layer_norm\.(.+)", r"layers.\1.norm2.\2"),
    )
)


@dataclass(frozen=True)
class HubertSizes:
    """As the tensors have them."""

    channels: int
    kernels: tuple[int, ...]
    width: int
    hidden: int
    layers: int
    position_kernel: int
    position_groups: int

    @classmethod
    def of(cls, header: Mapping[str, TensorInfo]) -> "HubertSizes":
        """Read off a converted file's header."""
        convs = [f"feature_extractor.conv_layers.{i}.conv.weight" for i in range(len(STRIDES))]
        width, per_group, kernel = header["encoder.pos_conv_embed.conv.weight"].shape
        return cls(
            channels=header[convs[0]].shape[0],
            kernels=tuple(header[key].shape[2] for key in convs),
            width=width,
            hidden=header["encoder.layers.0.feed_forward.intermediate_dense.weight"].shape[0],
            layers=sum(1 for key in header if key.endswith(".final_layer_norm.weight")),
            position_kernel=kernel,
            position_groups=width // per_group,
        )


class Hubert(nn.Module):
    """Convolutions over samples, then a post-norm transformer; the state of the last layer is the result."""

    def __init__(self, sizes: HubertSizes) -> None:
        super().__init__()
        inputs = [1, *[sizes.channels] * (len(STRIDES) - 1)]
        self.convs = nn.ModuleList(
            nn.Conv1d(i, sizes.channels, kernel, stride, bias=False)
            for i, kernel, stride in zip(inputs, sizes.kernels, STRIDES, strict=True)
        )
        self.first_norm = nn.GroupNorm(sizes.channels, sizes.channels)
        self.layer_norm = nn.LayerNorm(sizes.channels)
        self.projection = nn.Linear(sizes.channels, sizes.width)
        self.positions = nn.Conv1d(
            sizes.width,
            sizes.width,
            sizes.position_kernel,
            padding=sizes.position_kernel // 2,
            groups=sizes.position_groups,
        )
        self.encoder_norm = nn.LayerNorm(sizes.width)
        heads = sizes.width // HEAD_DIM
        self.layers = nn.ModuleList(EncoderBlock(sizes.width, heads, sizes.hidden) for _ in range(sizes.layers))

    def stem(self, samples: Tensor) -> Tensor:
        """``[B, N]`` -> ``[B, C, T]``, a frame per 320 samples."""
        x = samples[:, None]
        for i, conv in enumerate(self.convs):
            x = conv(x)
            x = F.gelu(self.first_norm(x) if i == 0 else x)
        return x

    def forward(self, samples: Tensor) -> Tensor:
        """Samples ``[B, N]`` at 16 kHz, neither centered nor scaled -> features ``[B, D, T]``."""
        x = self.projection(self.layer_norm(self.stem(samples).transpose(1, 2)))
        places = F.gelu(self.positions(x.transpose(1, 2))[:, :, : x.shape[1]])
        x = self.encoder_norm(x + places.transpose(1, 2))
        for layer in self.layers:
            x = layer(x)
        return cast(Tensor, x).transpose(1, 2)
