"""Kokoro's ONNX graph, cut before its vocoder, and the vocoder's weights as floating-point numbers."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

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
