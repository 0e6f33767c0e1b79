"""Files of ``torch.save``: the only place that opens pickles, and never runs what is in them."""

import mmap
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch
from torch import Tensor

from vivace.errors import UnsafeFileError, WeightsError, WeightsNotFoundError

WRAPPERS = ("state_dict", "model", "weight", "generator")  # keys under which trainers put the tensors
ZIP = b"PK"  # how a file of torch.save begins
MARK = 2  # bytes: some trainers write two digits over the zip's first two


class HParams:
    """Stands in for the class of that name in a ``utils`` module, as which GPT-SoVITS trainers save their settings.

    Pickles may only ask for this one. It has attributes and runs nothing.
    """


def unpickled(path: Path) -> object:
    """The content of the file, settings objects turned into dicts; read weights-only.

    Two digits in place of the zip's first two bytes are read as those bytes.

    Raises:
        WeightsNotFoundError: no such file.
        UnsafeFileError: it holds more than tensors and plain values; reading that could run code.
        WeightsError: it is damaged.
    """
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about protocols and storages of old: files here are old
            allowed = torch.serialization.safe_globals([(HParams, "utils.HParams")])
            with allowed:
                return _plain(torch.load(_restored(file), map_location="cpu", weights_only=True))
    except FileNotFoundError as exc:
        raise WeightsNotFoundError(f"no file {str(path)!r}; check the path") from exc
    except OSError as exc:
        raise WeightsError(f"cannot read {path} ({exc.strerror or exc}); check the path and its permissions") from exc
    except Exception as exc:  # torch raises what the reader of the moment raises; the classes are its own affair
        if type(exc).__name__ == "UnpicklingError" and "Weights only load failed" in str(exc):
            raise UnsafeFileError(
                f"{path} holds more than tensors, and reading it could run code that is in it; "
                "ask its maker for safetensors, or for a plain state dict"
            ) from exc
        raise WeightsError(f"{path} is damaged or was not saved by torch ({type(exc).__name__}); get it again") from exc


def read_legacy(path: Path) -> dict[str, Tensor]:
    """The tensors of a ``torch.save`` file, on the CPU; a lone tensor comes under the name of the file.

    Raises: as ``unpickled``; WeightsError when it holds no tensors.
    """
    content = unpickled(path)
    if isinstance(content, Tensor):
        return {path.stem: own(content)}
    if isinstance(content, Mapping):
        inner = next((content[key] for key in WRAPPERS if isinstance(content.get(key), Mapping)), content)
        tensors = {str(key): own(value) for key, value in inner.items() if isinstance(value, Tensor)}
        if tensors:
            return tensors
    raise WeightsError(f"{path} holds no tensors but a {type(content).__name__}; give a state dict saved by torch")


def read_voice_vector(path: Path) -> Tensor:
    """The speaker vector ``[D]`` of a community voice file: one tensor, ``[D]`` or ``[1, D]``.

    Raises: as ``read_legacy``; WeightsError when it holds something else.
    """
    tensors = read_legacy(path)
    first = next(iter(tensors.values()))
    vector = first.squeeze(0) if first.ndim == 2 and first.shape[0] == 1 else first
    if len(tensors) != 1 or vector.ndim != 1 or not vector.is_floating_point() or len(vector) < 2:
        shapes = ", ".join(str(list(tensor.shape)) for tensor in list(tensors.values())[:3])
        raise WeightsError(f"{path} is no voice: it holds {len(tensors)} tensors ({shapes}), not one vector of floats")
    if not bool(vector.isfinite().all()):
        raise WeightsError(f"{path} is no voice: its vector has numbers that are not finite; get the file again")
    return vector.float() if vector.dtype == torch.bfloat16 else vector  # numpy knows no bfloat16


def own(tensor: Tensor) -> Tensor:
    """Contiguous, in a storage of its own: safetensors writes no shared ones."""
    return tensor.detach().clone(memory_format=torch.contiguous_format)


def _restored(file: BinaryIO) -> BinaryIO:
    """The file; where two digits stand over the first two bytes of a zip, a view of it in which they do not."""
    head = file.read(MARK)
    file.seek(0)
    if not head.isdigit():
        return file
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    mapped[:MARK] = ZIP  # in this mapping only
    return cast(BinaryIO, mapped)


def _plain(value: Any) -> Any:
    if isinstance(value, HParams):
        value = vars(value)
    if isinstance(value, Mapping):
        return {key: _plain(held) for key, held in value.items()}
    return value
