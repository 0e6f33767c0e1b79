"""Reading and writing safetensors files. Pickles are refused by name and by content, never opened."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from vivace.errors import UnsafeFileError, WeightsError, WeightsNotFoundError
from vivace.weights.files import replacing

PICKLE_SUFFIXES = frozenset({".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle"})
ZIP_MAGIC = b"PK\x03\x04"  # what torch.save writes since 1.6: a zip with a pickle inside
PICKLE_MAGIC = tuple(bytes((0x80, protocol)) for protocol in range(2, 6))

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


@dataclass(frozen=True)
class TensorInfo:
    """Facts about one tensor, from the header of its file."""

    shape: tuple[int, ...]
    dtype: torch.dtype | None  # None: one that we do not read


def is_pickle(path: Path) -> bool:
    """Whether the name or the first bytes say that the file is a pickle, which can run code when it is read."""
    if path.suffix.lower() in PICKLE_SUFFIXES:
        return True
    with path.open("rb") as file:
        return file.read(4).startswith((ZIP_MAGIC, *PICKLE_MAGIC))


def read_header(path: Path) -> dict[str, TensorInfo]:
    """Names, shapes and types of all tensors; no tensor is read.

    Raises:
        WeightsNotFoundError: no such file.
        UnsafeFileError: it is a pickle.
        WeightsError: it is damaged or something else altogether.
    """
    found: dict[str, TensorInfo] = {}
    with _opened(path) as file:
        for key in file.keys():  # noqa: SIM118 (not a dict)
            view = file.get_slice(key)
            found[key] = TensorInfo(tuple(view.get_shape()), DTYPES.get(view.get_dtype()))
    return found


def read_tensor(path: Path, key: str) -> Tensor:
    """One tensor, in memory of its own: what happens to the file later does not reach it."""
    # The mapping is opened for this tensor alone: pages of a mapping count as ours until it is closed.
    with _opened(path) as file:
        tensor: Tensor = file.get_tensor(key)
        return tensor.clone()


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All tensors of a safetensors file, on the CPU, and its metadata. Raises: as ``read_header``."""
    with _opened(path) as file:
        tensors = {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118
        return tensors, dict(file.metadata() or {})


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write a safetensors file whole or not at all. Raises: OSError when the folder cannot be written."""
    contiguous = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
    with replacing(path) as part:
        part.touch(exist_ok=False)  # a folder that cannot be written shows itself here, as an OSError
        try:
            save_file(contiguous, part, dict(metadata) if metadata else None)
        except SafetensorError as exc:
            raise OSError(f"cannot write {path}: {exc}") from exc


@contextmanager
def _opened(path: Path) -> Iterator[Any]:  # safetensors leaves its reader untyped
    try:
        if is_pickle(path):
            raise UnsafeFileError(
                f"{path} is a pickle, which can run code when it is read; "
                f"make safetensors of it with `vivace models convert`, or fetch the checkpoint as safetensors"
            )
        with safe_open(path, framework="pt") as file:
            yield file
    except FileNotFoundError as exc:
        raise WeightsNotFoundError(f"no weights file {path}; fetch the checkpoint again, or correct the path") from exc
    except SafetensorError as exc:
        raise WeightsError(f"{path} is damaged or no safetensors file ({exc}); fetch it again") from exc
    except OSError as exc:
        raise WeightsError(f"cannot read {path} ({exc.strerror or exc}); check the path and its permissions") from exc
