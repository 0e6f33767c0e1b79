"""A checkpoint with the language model's matrices in fewer bits, written once and loaded as it is."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from vivace.errors import InputError
from vivace.models.chattts.checkpoint.parts import load_chattts
from vivace.types import Precision
from vivace.weights.files import new_folder
from vivace.weights.load import write_tensors

GPT, EMBED = Path("asset/gpt/model.safetensors"), Path("asset/Embed.safetensors")
CONFIG = "config.json"


def quantize_checkpoint(root: Path, target: Path, precision: Precision) -> Path:
    """Make the new folder ``target`` of the ChatTTS checkpoint under ``root``, its language model in ``precision``.

    Everything else is copied. What is loaded from ``target`` is to the bit what quantizing at load gives.

    Raises:
        InputError: the target exists already or cannot be written.
        WeightsError: the checkpoint cannot be loaded.
        SettingsError: it is quantized already, to something else.
    """
    if target.exists():
        raise InputError(f"{target} exists already; name a new folder")
    model = load_chattts(root, precision=precision, fuse=False).model
    try:
        with new_folder(target) as folder:
            shutil.copytree(root, folder, dirs_exist_ok=True, ignore=_made_anew(root))
            write_tensors(folder / GPT, model.llama.state_dict(), {"precision": precision})
            write_tensors(folder / EMBED, model.embeddings.state_dict(), {"precision": precision})
            _write_config(folder, precision)
    except OSError as exc:
        raise InputError(f"cannot write {target} ({exc.strerror or exc}); make room, or choose another place") from exc
    return target


def _made_anew(root: Path) -> Callable[[str, list[str]], set[str]]:
    def ignore(folder: str, names: list[str]) -> set[str]:
        return {name for name in names if (Path(folder) / name).relative_to(root) in (GPT, EMBED)}

    return ignore


def _write_config(folder: Path, precision: Precision) -> None:
    """Note the precision in the configuration beside ``asset/``; there is at most one."""
    file = next(iter(sorted(folder.glob("*config.json"))), folder / CONFIG)
    config = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    config.setdefault("vivace", {})["precision"] = precision
    file.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
