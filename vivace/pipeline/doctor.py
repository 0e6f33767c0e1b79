"""Checks of this machine and advice for parts that are missing: the content of ``vivace doctor``."""

import importlib.util
import os
import platform
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, get_args

from vivace.audio.spec import AudioFormat
from vivace.settings import TTSConfig
from vivace.version import __version__

Status = Literal["ok", "absent", "broken"]  # absent: optional, and not here

REINSTALL = "reinstall vivace: files of the package are missing or damaged"

# Module that shows that the part is there, what the part is for, what installs it.
OPTIONAL = (
    ("pocketsphinx", "word error rates (benchmarks/)", "pip install 'vivace[bench]'"),
    ("ToJyutping", "Cantonese", "pip install 'vivace[yue]'"),
    ("pyopenjtalk", "Japanese", "pip install 'vivace[ja]'"),
    ("jieba", "training voices (recipes/)", "pip install 'vivace[train]'"),
)


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    name: str
    status: Status
    found: str
    advice: str = ""  # what to do, where something is to be done


def diagnose(config: TTSConfig) -> tuple[Finding, ...]:
    """Try each part that synthesis needs; what fails is reported, not raised."""
    hub = (config.hub.endpoint or "the Hugging Face hub") + (
        " (offline: downloads are off)" if config.hub.offline else ""
    )
    return (
        Finding("vivace", "ok", f"{__version__}, Python {platform.python_version()}, {platform.platform(terse=True)}"),
        _try("torch", _torch, "pip install torch"),
        _try("CPU", _cpu, REINSTALL),
        _try("devices", _devices, "install the torch build for your accelerator: https://pytorch.org/get-started"),
        _try("text", _text, REINSTALL),
        _try("embedded voice", partial(_embedded_voice, config), REINSTALL),
        _try("compiled kernels", partial(_kernels, config), "see docs/kernels.md, or set native_kernels to false"),
        *(_try(f"audio {name}", partial(_encoder, name), "pip install 'av>=14'") for name in get_args(AudioFormat)),
        _try("voices you added", partial(_added_voices, config.paths.voices_dir), "set paths.voices_dir"),
        _try(
            "model cache", partial(_writable, config.paths.cache_dir), "set paths.cache_dir to a folder you can write"
        ),
        Finding("hub", "ok", hub),
        *(_optional(*part) for part in OPTIONAL),
    )


def _try(name: str, look: Callable[[], str], advice: str) -> Finding:
    try:
        return Finding(name, "ok", look())
    except Exception as exc:  # whatever it is, it is what the person wants to read
        return Finding(name, "broken", " ".join(f"{type(exc).__name__}: {exc}".split()), advice)


def _optional(module: str, purpose: str, install: str) -> Finding:
    if importlib.util.find_spec(module):
        return Finding(module, "ok", purpose)
    return Finding(module, "absent", purpose, install)


def _torch() -> str:
    import torch

    return f"{torch.__version__}, {torch.get_num_threads()} threads"


def _cpu() -> str:
    """The model of the processor, as the system names it, and its cores."""
    info = Path("/proc/cpuinfo")  # Linux on x86; elsewhere the platform's name has to do
    text = info.read_text(encoding="utf-8", errors="replace") if info.is_file() else ""
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name} ({platform.machine()}), {os.cpu_count()} cores"


def _kernels(config: TTSConfig) -> str:
    """Of the embedded voice on the CPU, which has been tried before."""
    from vivace.models.family import kernels_in_use

    return kernels_in_use() if config.native_kernels else "off: native_kernels is false"


def _devices() -> str:
    import torch

    if not torch.accelerator.is_available():
        return "cpu (no accelerator that this torch build knows)"
    kind = torch.accelerator.current_accelerator()
    return f"cpu, {torch.accelerator.device_count()} x {kind}"


def _text() -> str:
    from vivace.text import phones

    return " ".join(phone for word in phones("Vivace 你好", "auto") for phone in word.phones)


def _encoder(name: AudioFormat) -> str:
    import numpy as np

    from vivace.audio.encode import encode

    return f"{len(encode(np.zeros(2400, np.float32), 24_000, name)):,} bytes for 0.1 s"


def _embedded_voice(config: TTSConfig) -> str:
    from vivace.models.registry import EMBEDDED
    from vivace.pipeline.tts import TTS

    with TTS(EMBEDDED, config=config.model_copy(update={"models": {}})) as tts:
        chosen = tts.family.precision
        speech = tts.synthesize("Hello.", seed=1)
    return (
        f"speaks: {speech.duration:.2f} s, RTF {speech.stats.rtf:.2f}; {chosen.precision}, kernels {chosen.kind} "
        f"({chosen.reason})"
    )


def _added_voices(folder: Path) -> str:
    from vivace.voices.store import VoiceStore

    return f"{len(VoiceStore(folder).list())} in {folder}"


def _writable(folder: Path) -> str:
    nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
    with tempfile.TemporaryFile(dir=nearest):
        return str(folder)
