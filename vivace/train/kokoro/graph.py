"""Kokoro's ONNX graph, cut before its vocoder, and that vocoder in PyTorch."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from vivace.errors import SettingsError

if TYPE_CHECKING:
    import onnx

Floats = NDArray[np.float32]
VOCODER = "/decoder/decoder/generator/"
WEIGHTS = VOCODER.strip("/").replace("/", ".") + "."
# Names that values inside the graph get where it is cut: F frames of the durations, L letters.
PLAN = {
    "durations": "/encoder/Gather_output_0",  # frames of each letter [L + 2]
    "aligned": "/encoder/MatMul_1_output_0",  # [1, 512, F]
    "pitch": "/encoder/Reshape_output_0",  # Hz [1, 2F]
    "energy": "/encoder/Reshape_1_output_0",  # [1, 2F]
}
PLANNED = {name: value for name, value in PLAN.items() if name != "durations"}
DECODED = {
    "features": "/decoder/decoder/decode.3/Div_4_output_0",  # [1, 512, 2F]
    "source": VOCODER + "Concat_3_output_0",  # [1, 22, 120F + 1]
}
AUDIO = {"audio": "audio"}  # [600F]


def load(model: bytes) -> "onnx.ModelProto":
    """Raises: SettingsError when the ``onnx`` package is missing."""
    try:
        import onnx
    except ImportError as exc:
        raise SettingsError("onnx is not installed: `pip install 'vivace[teacher]'`") from exc
    return onnx.load_from_string(model)


def cut(
    model: "onnx.ModelProto", outputs: Mapping[str, str], inputs: Mapping[str, str] | None = None
) -> "onnx.ModelProto":
    """The part of ``model`` that computes ``outputs``: new name -> name inside the graph.

    ``inputs``: values inside the graph that are given instead of computed.
    """
    import onnx

    given = {old: new for new, old in (inputs or {}).items()}
    needed, kept = set(outputs.values()), []
    for node in reversed(model.graph.node):
        if needed.difference(given).intersection(node.output):
            kept.append(node)
            needed.update(node.input)
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    for repeated in (graph.node, graph.initializer, graph.output, graph.value_info):
        del repeated[:]
    for old, new in given.items():
        graph.node.append(onnx.helper.make_node("Identity", [new], [old]))
        graph.input.append(onnx.helper.make_tensor_value_info(new, onnx.TensorProto.FLOAT, None))
    graph.node.extend(reversed(kept))
    _without_unused(graph.input, needed | set(given.values()))
    graph.initializer.extend(t for t in model.graph.initializer if t.name in needed)
    for new, old in outputs.items():
        if new != old:
            graph.node.append(onnx.helper.make_node("Identity", [old], [new]))
        kind = onnx.TensorProto.INT64 if new == "durations" else onnx.TensorProto.FLOAT
        graph.output.append(onnx.helper.make_tensor_value_info(new, kind, None))
    return result


def _without_unused(inputs: Any, used: Collection[str]) -> None:
    kept = [value for value in inputs if value.name in used]
    del inputs[:]
    inputs.extend(kept)


class VocoderWeights:
    """Weights by the names of the vocoder's modules. The file has them in eight bits, with a scale and a zero point."""

    def __init__(self, model: "onnx.ModelProto") -> None:
        self._tensors = {t.name: t for t in model.graph.initializer}
        self._nodes = {n.name: n for n in model.graph.node}

    def tensor(self, name: str) -> Floats:
        """A tensor that is stored as it is: ``ups.0.bias``."""
        return self._array(WEIGHTS + name)

    def convolution(self, module: str) -> tuple[Floats, Floats]:
        """Weight ``[O, I, K]`` and bias ``[O]``. ``module`` as in ``resblocks.0.convs1.2``."""
        node = self._nodes[f"{VOCODER}{_path(module)}/Conv_quant"]
        scale = self._nodes[f"{WEIGHTS}{module}.bias_scale_node"].input[1]
        return self._dequantized(node.input, scale), self.tensor(f"{module}.bias")

    def plain(self, module: str, kind: str) -> tuple[Floats, Floats]:
        """Of a ``Conv`` or ``ConvTranspose`` that the file has in float32."""
        node = self._nodes[f"{VOCODER}{_path(module)}/{kind}"]
        return self._array(node.input[1]), self.tensor(f"{module}.bias")

    def linear(self, module: str) -> tuple[Floats, Floats]:
        """Weight ``[I, O]`` and bias ``[O]`` of a norm's style layer. ``module`` as in ``resblocks.0.adain1.2``."""
        name = f"{VOCODER}{_path(module)}/fc/Gemm_MatMul_quant"
        scale = self._nodes[f"{name}_scales_mul"].input[1]
        return self._dequantized(self._nodes[name].input, scale), self.tensor(f"{module}.fc.bias")

    def _dequantized(self, inputs: Sequence[str], scale: str) -> Floats:
        weight, zero = self._array(inputs[1]), self._array(inputs[3])
        return (weight.astype(np.float32) - zero.astype(np.float32)) * self._array(scale)

    def _array(self, name: str) -> Floats:
        from onnx import numpy_helper

        return np.array(numpy_helper.to_array(self._tensors[name]))


def _path(module: str) -> str:
    """``resblocks.0.convs1.2`` -> ``resblocks.0/convs1.2``: the graph's nodes have a slash between two modules."""
    parts = module.split(".")
    return ".".join(parts[:2]) + ("/" + ".".join(parts[2:]) if len(parts) > 2 else "")


# T frames in time, C channels


DILATIONS = (1, 3, 5)  # of the three steps of a residual block
UPSAMPLING = ((10, 5), (6, 3))  # stride and padding
NOISE = ((6, 3), (1, 0))
BLOCKS = 3  # behind each upsampling
VOCODER_STYLE = 128  # of the style vector's 256 numbers, the first are the vocoder's
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


class KokoroVocoder:
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
        own = torch.from_numpy(style[:, :VOCODER_STYLE])
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
