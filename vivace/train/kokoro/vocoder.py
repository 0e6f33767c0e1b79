"""Kokoro's vocoder in PyTorch: with bfloat16 products it takes about half the time of int8 in ONNX Runtime."""

# T frames in time, C channels

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vivace.train.kokoro.graph import Floats, VocoderWeights

DILATIONS = (1, 3, 5)  # of the three steps of a residual block
UPSAMPLING = ((10, 5), (6, 3))  # stride and padding
NOISE = ((6, 3), (1, 0))
BLOCKS = 3  # behind each upsampling
STYLE = 128  # of the style vector's 256 numbers, the first are the vocoder's
BINS, HOP = 11, 5
EPSILON, SILENT_WINDOW = 1e-5, 1.18e-38

Shaping = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def normalize(x: Tensor, scale: Tensor, shift: Tensor, alpha: Tensor) -> Tensor:
    """Adaptive instance norm of ``x`` ``[1, T, C]`` and a snake activation; bfloat16 when ``x`` is a convolution's."""
    variance, mean = torch.var_mean(x.float(), dim=1, keepdim=True, correction=0)
    gain = scale * torch.rsqrt(variance + EPSILON)
    y = x * gain + (shift - mean * gain)
    return y + torch.sin(alpha * y).square() / alpha


@dataclass(frozen=True)
class Convolution:
    """Over time, channels last: ``[1, T, C]`` to ``[1, T', C']``."""

    weight: Tensor  # [C', C, 1, K]
    bias: Tensor
    stride: int = 1
    padding: int = 0
    dilation: int = 1

    @classmethod
    def of(cls, arrays: tuple[Floats, Floats], dtype: torch.dtype, **places: int) -> "Convolution":
        weight, bias = (torch.from_numpy(a).to(dtype) for a in arrays)
        return cls(weight[:, :, None].contiguous(memory_format=torch.channels_last), bias, **places)

    def __call__(self, x: Tensor) -> Tensor:
        wide = x.to(self.weight.dtype).transpose(1, 2)[:, :, None]  # a view that is channels_last
        places = (1, self.stride), (0, self.padding), (1, self.dilation)
        return F.conv2d(wide, self.weight, self.bias, *places)[:, :, 0].transpose(1, 2)


@dataclass(frozen=True)
class Half:
    """Norm, activation and convolution: half of a residual step."""

    style: tuple[Tensor, Tensor]  # [128, 2C], [2C]
    alpha: Tensor  # [1, 1, C]
    convolution: Convolution

    def __call__(self, x: Tensor, style: Tensor, shaping: Shaping) -> Tensor:
        scale, shift = (style @ self.style[0] + self.style[1]).chunk(2, dim=1)
        return self.convolution(shaping(x, 1 + scale[:, None], shift[:, None], self.alpha))


class Vocoder:
    """Features and source to samples. ``fused`` compiles the elementwise part, which needs a C++ compiler.

    Only the convolutions of the residual blocks are in ``dtype``: they are 98 % of the work.
    """

    def __init__(self, weights: VocoderWeights, dtype: torch.dtype = torch.bfloat16, *, fused: bool = True) -> None:
        self._dtype = dtype
        self._shaping: Shaping = torch.compile(normalize, dynamic=True) if fused else normalize
        self._noise = [
            Convolution.of(weights.convolution(f"noise_convs.{i}"), torch.float32, stride=stride, padding=padding)
            for i, (stride, padding) in enumerate(NOISE)
        ]
        self._ups = [_both(weights.plain(f"ups.{i}", "ConvTranspose")) for i in range(len(UPSAMPLING))]
        names = [f"noise_res.{i}" for i in range(2)] + [f"resblocks.{i}" for i in range(2 * BLOCKS)]
        self._blocks = {name: self._block(weights, name) for name in names}
        self._last = Convolution.of(weights.plain("conv_post", "Conv"), torch.float32, padding=3)
        self._inverse = torch.from_numpy(weights.tensor("stft.istft.stft.inverse_basis"))
        self._window = torch.from_numpy(weights.tensor("stft.istft.stft.window_sum"))

    @torch.inference_mode()
    def __call__(self, features: Floats, source: Floats, style: Floats) -> Floats:
        """Features ``[1, 512, T]``, source ``[1, 22, 60T + 1]`` and style ``[1, 256]`` to samples ``[300T]``."""
        x, excitation = (torch.from_numpy(np.ascontiguousarray(a)).transpose(1, 2) for a in (features, source))
        own = torch.from_numpy(style[:, :STYLE])
        for i in range(len(UPSAMPLING)):
            noise = self._residual(f"noise_res.{i}", self._noise[i](excitation), own)
            x = self._upsampled(F.leaky_relu(x, 0.1), i)
            if i == 1:
                x = torch.cat((x[:, 1:2], x), dim=1)  # one frame by reflection, as the source has one more
            x = x + noise
            parts = [self._residual(f"resblocks.{BLOCKS * i + j}", x, own) for j in range(BLOCKS)]
            x = (parts[0] + parts[1] + parts[2]) / BLOCKS
        return self._samples(self._last(F.leaky_relu(x, 0.01)).transpose(1, 2))

    def _residual(self, name: str, x: Tensor, style: Tensor) -> Tensor:
        for first, second in self._blocks[name]:
            x = x + second(first(x, style, self._shaping), style, self._shaping)
        return x

    def _upsampled(self, x: Tensor, number: int) -> Tensor:
        (weight, bias), (stride, padding) = self._ups[number], UPSAMPLING[number]
        wide = x.transpose(1, 2)[:, :, None]
        y = F.conv_transpose2d(wide, weight, bias, stride=(1, stride), padding=(0, padding))
        return y[:, :, 0].transpose(1, 2)

    def _samples(self, spectrum: Tensor) -> Floats:
        """Magnitudes and phases ``[1, 22, T]`` to a wave; the window's sum is 1.5 but for the first samples."""
        magnitude, phase = spectrum[:, :BINS].exp(), spectrum[:, BINS:].sin()
        parts = torch.cat((magnitude * phase.cos(), magnitude * phase.sin()), dim=1)
        wave = F.conv_transpose1d(parts, self._inverse, stride=HOP)[0, 0]
        known = min(len(self._window), len(wave))
        window = self._window[:known]
        wave[:known] = torch.where(window > SILENT_WINDOW, wave[:known] / window, wave[:known])
        edge = (len(self._inverse[0, 0])) // 2
        result: Floats = (wave * (2 * edge / HOP))[edge:-edge].numpy()
        return result

    def _block(self, weights: VocoderWeights, name: str) -> list[tuple[Half, Half]]:
        return [
            (self._half(weights, name, 1, j, dilation), self._half(weights, name, 2, j, 1))
            for j, dilation in enumerate(DILATIONS)
        ]

    def _half(self, weights: VocoderWeights, name: str, number: int, j: int, dilation: int) -> Half:
        arrays = weights.convolution(f"{name}.convs{number}.{j}")
        padding = dilation * (arrays[0].shape[2] - 1) // 2
        weight, bias = (torch.from_numpy(a) for a in weights.linear(f"{name}.adain{number}.{j}"))
        alpha = torch.from_numpy(weights.tensor(f"{name}.alpha{number}.{j}")).reshape(1, 1, -1)
        return Half((weight, bias), alpha, Convolution.of(arrays, self._dtype, padding=padding, dilation=dilation))


def _both(arrays: tuple[Floats, Floats]) -> tuple[Tensor, Tensor]:
    weight, bias = (torch.from_numpy(a) for a in arrays)
    return weight[:, :, None], bias
