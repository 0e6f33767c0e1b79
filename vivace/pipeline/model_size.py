"""How much memory a model takes."""

import math
from pathlib import Path

from vivace.pipeline.tts import TTS
from vivace.weights.tensor_file import read_header

FLOAT32 = 4  # bytes; whatever the files are in, networks are laid out in this, or in less


def weight_bytes(root: Path) -> int:
    """What the networks of the checkpoint under ``root`` take at most; its voices are not counted."""
    files = (file for file in root.rglob("*.safetensors") if file.parent.name != "voices")
    return sum(FLOAT32 * math.prod(info.shape) for file in files for info in read_header(file).values())


def working_bytes(tts: TTS) -> int:
    """What its engine has set aside for requests; 0 before the first one."""
    load = tts.get_performance_stats().engine
    return 0 if load is None else load.cache_bytes + load.prefix_bytes
