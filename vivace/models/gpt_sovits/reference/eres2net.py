"""The speaker network of v2Pro and v2ProPlus: the trunk of ERes2NetV2.

Source: arXiv:2406.02167; section 10 of the GPT-SoVITS model facts.
"""

# B batch, C channels, M mel bands, T frames

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vivace.weights.tensor_file import TensorInfo

SCALE = 4  # groups of a block, each seeing what the one before made
FUSED_FROM = 3  # blocks of the layers from here on weigh groups instead of adding them
CEILING = 20.0  # of activations inside blocks


@dataclass(frozen=True)
class SpeakerSizes:
    """Widths and depths, as the tensors have them."""

    stem: int
    planes: tuple[int, ...]  # channels of a group, per layer
    outputs: tuple[int, ...]  # channels that a layer makes
    blocks: tuple[int, ...]

    @classmethod
    def of(cls, header: Mapping[str, TensorInfo]) -> "SpeakerSizes":
        """Read off a file's header."""
        layers = range(1, 5)
        return cls(
            stem=header["conv1.weight"].shape[0],
            planes=tuple(header[f"layer{i}.0.convs.0.weight"].shape[0] for i in layers),
            outputs=tuple(header[f"layer{i}.0.conv3.weight"].shape[0] for i in layers),
            blocks=tuple(
                sum(1 for k in header if k.startswith(f"layer{i}.") and k.endswith(".conv3.weight")) for i in layers
            ),
        )


def _clipped(x: Tensor) -> Tensor:
    return x.clamp(0, CEILING)


class AttentiveFusion(nn.Module):
    """Two feature maps, weighed against each other place by place."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = channels // 4
        self.local_att = nn.Sequential(
            nn.Conv2d(2 * channels, inner, 1),
            nn.BatchNorm2d(inner),
            nn.SiLU(),
            nn.Conv2d(inner, channels, 1),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """``[B, C, M, T]`` twice -> the same."""
        weight = torch.tanh(self.local_att(torch.cat((x, y), dim=1)))
        return x * (1 + weight) + y * (1 - weight)


class ERes2NetBlock(nn.Module):
    """A residual block whose groups see one another in turn."""

    def __init__(self, inputs: int, width: int, outputs: int, stride: int, fused: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, SCALE * width, 1, stride=stride, bias=False)
        self.bn1 = nn.BatchNorm2d(SCALE * width)
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(SCALE))
        self.bns = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(SCALE))
        self.fuse_models = nn.ModuleList(AttentiveFusion(width) for _ in range(SCALE - 1)) if fused else None
        self.conv3 = nn.Conv2d(SCALE * width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, M, T]`` -> ``[B, outputs, M / stride, T / stride]``."""
        groups = _clipped(self.bn1(self.conv1(x))).chunk(SCALE, dim=1)
        made: list[Tensor] = []
        for i, (group, conv, norm) in enumerate(zip(groups, self.convs, self.bns, strict=True)):
            if i > 0:
                group = made[-1] + group if self.fuse_models is None else self.fuse_models[i - 1](made[-1], group)
            made.append(_clipped(norm(conv(group))))
        return _clipped(self.bn3(self.conv3(torch.cat(made, dim=1))) + self.shortcut(x))


class SpeakerNetwork(nn.Module):
    """A filter bank to a vector that identifies the speaker."""

    def __init__(self, sizes: SpeakerSizes) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, sizes.stem, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(sizes.stem)
        inputs, layers = sizes.stem, []
        for number, (width, outputs, blocks) in enumerate(
            zip(sizes.planes, sizes.outputs, sizes.blocks, strict=True), start=1
        ):
            stride = 1 if number == 1 else 2
            fused = number >= FUSED_FROM
            first = ERes2NetBlock(inputs, width, outputs, stride, fused)
            layers.append(
                nn.Sequential(first, *(ERes2NetBlock(outputs, width, outputs, 1, fused) for _ in range(blocks - 1)))
            )
            inputs = outputs
        self.layer1, self.layer2, self.layer3, self.layer4 = layers
        self.layer3_ds = nn.Conv2d(sizes.outputs[2], sizes.outputs[3], 3, stride=2, padding=1, bias=False)
        self.fuse34 = AttentiveFusion(sizes.outputs[3])

    def forward(self, bank: Tensor) -> Tensor:
        """``[B, T, M]`` -> ``[B, C * M / 8]``: the mean over time, channels first."""
        x = F.relu(self.bn1(self.conv1(bank.transpose(1, 2)[:, None])))  # [B, T, M] -> [B, 1, M, T]
        third = self.layer3(self.layer2(self.layer1(x)))
        fused = cast(Tensor, self.fuse34(self.layer4(third), self.layer3_ds(third)))
        return fused.flatten(1, 2).mean(-1)
