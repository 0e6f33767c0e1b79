"""Filling modules from safetensors files, strictly: all that does not fit is reported before anything is read."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from vivace.errors import WeightsMismatchError
from vivace.weights.keymap import IDENTITY, KeyMap, TensorSource
from vivace.weights.tensor_file import TensorInfo, read_header, read_tensor, read_tensors, write_tensors

__all__ = ["ModulePart", "load_modules", "read_tensors", "write_tensors"]


@dataclass(frozen=True)
class ModulePart:
    """A module and the file that fills it."""

    module: nn.Module  # built under ``meta_init``: it holds shapes and no memory
    file: Path
    keymap: KeyMap = IDENTITY
    ignore: tuple[str, ...] = ()  # patterns of checkpoint keys that are not wanted; never read
    optional: tuple[str, ...] = ()  # patterns of module keys that may be missing; such a tensor stays as it was


@dataclass(frozen=True)
class _Plan:
    part: ModulePart
    sources: tuple[TensorSource, ...]
    problems: tuple[str, ...]


def load_modules(
    parts: Sequence[ModulePart], *, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu"
) -> None:
    """Fill the parameters and persistent buffers of all modules, tensor by tensor.

    Files may be float64, float32, bfloat16 or float16; floating tensors become ``dtype``, others keep their type.
    The memory it takes is that of the modules and one tensor more.

    Raises:
        WeightsMismatchError: tensors are missing, unexpected or misshapen; all of all parts are in one message.
        WeightsNotFoundError, UnsafeFileError, WeightsError: a file is missing, a pickle, or damaged.
    """
    plans = [_plan(part) for part in parts]
    if problems := [problem for plan in plans for problem in plan.problems]:
        raise WeightsMismatchError(_summary(problems, [plan.part.file for plan in plans if plan.problems]))
    for plan in plans:
        _fill(plan, dtype, torch.device(device))


def _plan(part: ModulePart) -> _Plan:
    """Compare the file's header with the module."""
    header = {key: info for key, info in read_header(part.file).items() if not _matches(key, part.ignore)}
    wanted = part.module.state_dict()
    listed = part.keymap.sources(header)
    sources = {source.target: source for source in listed}
    problems = _duplicates(listed)
    for name, tensor in wanted.items():
        shape = tuple(tensor.shape)
        source = sources.get(name)
        if source is None:
            if not _matches(name, part.optional):
                problems.append(f"missing {name}: expected {list(shape)}")
        else:
            problems += _misfits(source, header, shape)
    problems += [
        f"unexpected {key}: found {list(header[key].shape)}"
        for source in sources.values()
        if source.target not in wanted
        for key in source.keys
    ]
    return _Plan(part, tuple(sources.values()), tuple(f"{part.file.name}: {problem}" for problem in problems))


def _duplicates(sources: Sequence[TensorSource]) -> list[str]:
    seen: set[str] = set()
    found = []
    for source in sources:
        if source.target in seen:
            found.append(f"unexpected {source.keys[0]}: a second tensor for {source.target}")
        seen.add(source.target)
    return found


def _misfits(source: TensorSource, header: Mapping[str, TensorInfo], shape: tuple[int, ...]) -> list[str]:
    shapes = [shape]
    if source.folds:
        shapes = [shape[:1] + (1,) * (len(shape) - 1), shape]  # magnitude, direction
    problems = []
    for key, expected in zip(source.keys, shapes, strict=True):
        info = header[key]
        if info.shape != expected:
            problems.append(f"misshapen {key}: expected {list(expected)}, found {list(info.shape)}")
        elif info.dtype is None:
            problems.append(f"misshapen {key}: its number format is not one that can be read")
    return problems


def _summary(problems: Sequence[str], files: Sequence[Path]) -> str:
    kinds = [problem.split(": ", 1)[1].split(" ", 1)[0] for problem in problems]
    counts = ", ".join(
        f"{kinds.count(kind)} {kind}" for kind in ("missing", "unexpected", "misshapen") if kind in kinds
    )
    folder = files[0].parent
    first = (
        f"the weights in {folder} do not fit the model ({counts}); fetch the checkpoint again, or correct its config"
    )
    return "\n  ".join([first, *problems])


def _fill(plan: _Plan, dtype: torch.dtype, device: torch.device) -> None:
    file = plan.part.file
    tensors = {source.target: _made(source, file, dtype, device) for source in plan.sources}
    plan.part.module.load_state_dict(tensors, strict=False, assign=True)  # strictness was _plan's task
    left = [name for name, tensor in plan.part.module.named_buffers() if tensor.is_meta and name not in tensors]
    assert all(_matches(name, plan.part.optional) for name in left), f"no file fills these buffers: {left}"


def _made(source: TensorSource, file: Path, dtype: torch.dtype, device: torch.device) -> Tensor:
    tensors = [read_tensor(file, key) for key in source.keys]
    tensor = fold_weight_norm(*tensors) if source.folds else tensors[0]
    return tensor.to(device=device, dtype=dtype if tensor.is_floating_point() else None)


def fold_weight_norm(magnitude: Tensor, direction: Tensor) -> Tensor:
    """``g * v / ||v||`` over each row, without epsilon, in at least float32; may write into ``direction``."""
    precise = torch.promote_types(direction.dtype, torch.float32)
    v = direction.to(precise)
    norm = torch.linalg.vector_norm(v.flatten(1), dim=1).view_as(magnitude)
    return v.mul_(magnitude.to(precise) / norm)


def _matches(key: str, patterns: Sequence[str]) -> bool:
    return any(re.fullmatch(pattern, key) for pattern in patterns)
