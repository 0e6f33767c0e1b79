"""Builds ``harness.c`` with the kernels of a platform, and makes recordings for it."""

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from native.recording import RecordedKernels, Recording
from torch import Tensor

from vivace.engine.sampler_state import HISTORY
from vivace.layers.native.build import Toolchain, build, compile_objects, kinds_of, machine, toolchain
from vivace.layers.native.product import PackedFloat, PackedInt8
from vivace.layers.native.sample import sample
from vivace.layers.native.step import (
    Codes,
    DecodeBatch,
    DecodeBatchPostNorm,
    DecodeOne,
    Layer,
    PostNormLayer,
    SlotMemory,
    slot_table,
)
from vivace.layers.quantization import quantize_int4, quantize_int8, quantize_kv
from vivace.layers.rope import rope_table

HARNESS = Path(__file__).with_name("harness.c")
HEADS, DIM, HIDDEN, LAYERS, POSITIONS = 2, 128, 192, 2, 48
EPS = 1e-6


def build_harness(
    tools: Toolchain, folder: Path, kinds: Mapping[str, tuple[str, ...]], more: Sequence[str] = ()
) -> Path:
    """A program that replays recordings with CPU kinds, given with their flags. Raises: CalledProcessError."""
    tools = replace(tools, flags=(*tools.flags, *more))
    objects = compile_objects(tools, folder, kinds)
    made = [kind for kind in kinds if folder / f"{kind}.o" in objects]
    declared = [f"#define KIND {kind}\nKERNELS(K)\n#undef KIND" for kind in made]
    tables = [f'#define KIND {kind}\n    {{"{kind}", KERNELS(NAMED)}},\n#undef KIND' for kind in made]
    lines = [
        *declared,
        "#define NAMED(name, types, values) KERNEL(name),",
        "static const kind kinds[] = {",
        *tables,
        "};",
    ]
    (folder / "kinds.h").write_text("\n".join(lines) + "\n", encoding="utf-8")
    program = folder / "harness"
    flags = [flag for flag in tools.flags if flag != "-fvisibility=hidden"]
    command = [
        *tools.command,
        *flags,
        *tools.of_kind(()),
        f"-I{folder}",
        str(HARNESS),
        *map(str, objects),
        "-o",
        str(program),
        *(flag for flag in tools.link if flag == "-lm"),
    ]
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=tools.timeout_s)
    return program


def emulator() -> list[str] | None:
    """The command that runs programs for 64-bit Arm with every extension, or None."""
    found = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
    return [found, "-cpu", "max"] if found else None


def record_all(library: Path) -> Recording:
    """Small calls of every kernel, by the portable ones."""
    recording = Recording()
    kernels = RecordedKernels(library, "portable", recording)
    _elementwise(kernels)
    _products(kernels)
    for dtype in (torch.float32, torch.bfloat16, torch.int8):
        _attend(kernels, dtype)
        _steps(kernels, dtype)
    _draws(kernels)
    return recording


def _randn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def _memory(dtype: torch.dtype, rows: int) -> SlotMemory:
    held = _randn(2, LAYERS, rows, HEADS, POSITIONS, DIM // HEADS)
    lengths = torch.tensor([0, 1, 17, 30, 40, 15, 16, 3, 9, 31, 33])[:rows]
    if dtype != torch.int8:
        kept = held.to(dtype)
        return SlotMemory(kept[0], kept[1], lengths)
    (keys, key_scales), (values, value_scales) = map(quantize_kv, held)
    return SlotMemory(keys, values, lengths, key_scales, value_scales)


def _elementwise(kernels: RecordedKernels) -> None:
    x = 8 * _randn(7, 1, 384)
    x[0, 0, :4] = torch.tensor([-1e4, 1e4, 0.0, -100.0])
    kernels.rms_norm(x, _randn(384), EPS)
    kernels.silu_mul(x)
    kernels.rope(_randn(2, 6, 3 * DIM), *rope_table(torch.arange(12).view(2, 6), DIM // HEADS, 10_000.0), HEADS)


def _products(kernels: RecordedKernels) -> None:
    # Rows and inputs on both sides of what tiles and registers hold; enough work for several threads in the last.
    for rows, outputs, inputs in ((1, 48, 64), (2, 16, 128), (5, 100, 96), (9, 112, 144), (16, 64, 80), (35, 160, 768)):
        codes, scale = quantize_int8(_randn(outputs, inputs))
        PackedInt8(kernels, codes, scale)(5 * _randn(rows, inputs))
        PackedFloat(kernels, _randn(outputs, inputs))(_randn(rows, inputs))
    largest = torch.full((48, 512), -127, dtype=torch.int8)
    largest[::2] = 127
    for sign in (1.0, -1.0):
        PackedInt8(kernels, largest, torch.ones(48))(torch.full((19, 512), sign))


def _attend(kernels: RecordedKernels, dtype: torch.dtype) -> None:
    q, k, v = (3 * _randn(5, 3, 3 * DIM)).view(5, 3, 3, HEADS, DIM // HEADS).permute(2, 0, 3, 1, 4)
    memory = _memory(dtype, 5)  # the table holds addresses
    kernels.attend(q, k, v, slot_table(memory), dtype)


def _steps(kernels: RecordedKernels, dtype: torch.dtype) -> None:
    shapes = {"qkv": (3 * DIM, DIM), "out": (DIM, DIM), "gate_up": (2 * HIDDEN, DIM), "down": (DIM, HIDDEN)}
    weights = {name: 0.2 * _randn(*shape) for name, shape in shapes.items()}
    norm = 1 + 0.1 * _randn(DIM)
    int8 = {name: PackedInt8(kernels, *quantize_int8(weight)) for name, weight in weights.items()}
    batch = DecodeBatch(kernels, [Layer(norm=norm, mlp_norm=norm, **int8)] * LAYERS, heads=HEADS, eps=EPS)
    for rows in (1, 5, 11):
        memory = _memory(dtype, rows)
        for _ in range(2):
            cos, sin = rope_table(memory.lengths[:, None], DIM // HEADS, 10_000.0)
            batch(_randn(rows, 1, DIM), cos, sin, [memory])
            memory.lengths.add_(1)
    int4 = {name: Codes(*quantize_int4(weight)) for name, weight in weights.items()}
    one = DecodeOne(kernels, [Layer(norm=norm, mlp_norm=norm, **int4)] * LAYERS, heads=HEADS, eps=EPS)
    single = _memory(dtype, 1)
    one(_randn(1, 1, DIM), *rope_table(single.lengths[:, None], DIM // HEADS, 10_000.0), single)
    layer = PostNormLayer(
        int8["qkv"],
        int8["out"],
        PackedInt8(kernels, *quantize_int8(0.2 * _randn(HIDDEN, DIM))),
        int8["down"],
        qkv_bias=_randn(3 * DIM),
        out_bias=_randn(DIM),
        up_bias=_randn(HIDDEN),
        down_bias=_randn(DIM),
        norm1=norm,
        norm1_bias=_randn(DIM),
        norm2=norm,
        norm2_bias=_randn(DIM),
    )
    post = DecodeBatchPostNorm(kernels, [layer] * LAYERS, heads=HEADS, eps=EPS)
    post(_randn(9, 1, DIM), [_memory(dtype, 9)])


def _draws(kernels: RecordedKernels) -> None:
    rows, books, size = 6, 2, 101
    floats = torch.tensor([[0.3, 0.7, 0.8, 1.05]]).expand(rows, 4).contiguous()
    ints = torch.zeros(rows, books + 8, dtype=torch.long)
    ints[:, books + 2] = torch.arange(rows) * 977  # seeds
    ints[:, books + 4] = torch.tensor([1, 5, 20, 50, 101, 101])  # top-k
    ints[:, books + 5] = 16
    history = torch.arange(rows * books * HISTORY).view(rows, books, HISTORY) * 7 % size
    for step in range(20):
        ints[:, books + 1] = step
        logits = 3 * torch.randn(rows, books, size, generator=torch.Generator().manual_seed(step))
        sample(kernels, logits, floats, ints, history, size - 1)


def main(folder: Path, flags: Sequence[str]) -> None:
    """Build the harness, with all CPU kinds of this architecture and more flags, and record ``calls.bin`` beside it."""
    library, tools = build(HARNESS.parents[2] / ".pytest_cache" / "native"), toolchain()
    if library is None or tools is None:
        raise SystemExit("needs a C compiler")
    record_all(library).write(folder / "calls.bin")
    build_harness(tools, folder, kinds_of(machine()), flags)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
