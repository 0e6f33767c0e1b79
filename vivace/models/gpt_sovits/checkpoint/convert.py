"""Files of GPT-SoVITS to a folder of safetensors, also those of an installation that the settings name."""

import json
import logging
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from torch import Tensor

from vivace.cache.keys import content_key
from vivace.errors import WeightsError, WeightsNotFoundError
from vivace.models.gpt_sovits.checkpoint.legacy_files import (
    PAIRS,
    V1_SYMBOLS,
    S2File,
    Sources,
    Version,
    merge_low_rank,
    published_version,
    read_mark,
    s1_file,
    s2_file,
)
from vivace.settings.config import GPTSoVITSConfig
from vivace.weights.files import Conversion, ConversionReport, OnProgress, new_target
from vivace.weights.keymap import Rules, renamed
from vivace.weights.legacy_file import own, read_legacy, unpickled
from vivace.weights.tensor_file import is_pickle, read_tensors, write_tensors

CONFIG = "gpt_sovits.json"
S1, S2, VOCODER = "s1.safetensors", "s2.safetensors", "vocoder.safetensors"
HUBERT, BERT, SPEAKER = "hubert.safetensors", "bert.safetensors", "speaker.safetensors"
BERT_TOKENIZER = "bert_tokenizer.json"

BERT_NAMES: Rules = (
    (r"bert\.(.+)\.LayerNorm\.gamma", r"\1.LayerNorm.weight"),
    (r"bert\.(.+)\.LayerNorm\.beta", r"\1.LayerNorm.bias"),
    (r"bert\.(.+)", r"\1"),
)
BERT_UNUSED = re.compile(r"cls\..+|bert\.pooler\..+|bert\.embeddings\.position_ids|bert\.encoder\.layer\.(22|23)\..+")
HUBERT_UNUSED = re.compile(r"masked_spec_embed")
SPEAKER_UNUSED = re.compile(r"seg_\d\..+")
POSITION = "encoder.pos_conv_embed.conv"  # HuBERT's; normalized per kernel tap, unlike all others

Part = tuple[dict[str, Tensor], dict[str, Any]]  # tensors, and sizes that they do not tell


@dataclass(frozen=True)
class _Step:
    name: str  # under the target
    source: Path
    make: Callable[[], Part]


def convert_gpt_sovits(
    sources: Sources, target: Path, *, version: Version | None = None, progress: OnProgress | None = None
) -> ConversionReport:
    """Make the new folder ``target`` of a pair of models and the networks that go with them.

    Raises:
        InputError: the target exists already or cannot be written.
        WeightsError: a file is missing, damaged, unsafe, or not what it is said to be.
    """
    with new_target(target) as part:
        report = _convert(sources, part, version, progress)
    return replace(report, target=target)


def read_s2(path: Path, *, base: Path | None = None, version: Version | None = None) -> S2File:
    """An S2 file, a low-rank one merged into ``base``. Raises: WeightsError."""
    found = s2_file(path, unpickled(path), version)
    if not found.low_rank:
        return found
    if base is None:
        raise WeightsError(f"{path} is a low-rank change of a {found.version} model; name that model, too (--base)")
    return merge_low_rank(s2_file(base, unpickled(base), found.version), found)


def s1_part(path: Path) -> Part:
    """Tensors and sizes of an S1 file."""
    found = s1_file(path, unpickled(path))
    return found.tensors, found.sizes


def vocoder_part(path: Path, config: Path | None) -> Part:
    """Tensors of a vocoder; ``config``: the JSON file of a BigVGAN, without which it is the HiFi-GAN of v4."""
    sizes = {} if config is None else dict(json.loads(config.read_text(encoding="utf-8")))
    return renamed(_tensors(path), PAIRS), sizes


def hubert_part(path: Path) -> Part:
    """Tensors of a HuBERT, its positional convolution folded."""
    tensors = {key: t for key, t in renamed(_tensors(path), PAIRS).items() if not HUBERT_UNUSED.fullmatch(key)}
    magnitude, direction = tensors.pop(f"{POSITION}.original0", None), tensors.pop(f"{POSITION}.original1", None)
    if magnitude is not None and direction is not None:
        v = direction.float()
        tensors[f"{POSITION}.weight"] = magnitude.float() * v / torch.linalg.vector_norm(v, dim=(0, 1), keepdim=True)
    return tensors, {}


def bert_part(path: Path) -> Part:
    """Tensors of a BERT up to the layer whose output is used, the third from the end."""
    tensors = {key: t for key, t in _tensors(path).items() if not BERT_UNUSED.fullmatch(key)}
    return renamed(tensors, BERT_NAMES), {}


def speaker_part(path: Path) -> Part:
    """Tensors of the speaker network's trunk."""
    return {key: t for key, t in _tensors(path).items() if not SPEAKER_UNUSED.fullmatch(key)}, {}


def _convert(sources: Sources, part: Path, version: Version | None, progress: OnProgress | None) -> ConversionReport:
    s2 = read_s2(sources.s2, base=sources.base, version=version)
    sources = sources.completed(s2.version)
    settings: dict[str, Any] = {"version": s2.version}
    done: list[Conversion] = []
    steps = list(_steps(sources, s2))
    for step in steps:
        if progress is not None:
            progress(step.name, len(done), len(steps))
        tensors, sizes = step.make()
        write_tensors(part / step.name, {key: own(tensor) for key, tensor in tensors.items()})
        settings[step.name.removesuffix(".safetensors")] = sizes
        done.append(Conversion(step.name, step.source.name, len(tensors), 0))
    _check_symbols(part, s2)
    if sources.bert is not None:
        shutil.copyfile(_beside(sources.bert, "tokenizer.json"), part / BERT_TOKENIZER)
    (part / CONFIG).write_text(json.dumps(settings, indent=2), encoding="utf-8")
    return ConversionReport(part, tuple(done), tuple(_notes(sources)))


def _steps(sources: Sources, s2: S2File) -> Iterator[_Step]:
    yield _Step(S1, sources.s1, lambda: s1_part(sources.s1))
    yield _Step(S2, sources.s2, lambda: (s2.tensors, s2.sizes))
    if (vocoder := sources.vocoder) is not None:
        config = _beside(vocoder, "config.json") if s2.version == "v3" else None
        yield _Step(VOCODER, vocoder, lambda: vocoder_part(vocoder, config))
    if (hubert := sources.hubert) is not None:
        yield _Step(HUBERT, hubert, lambda: hubert_part(hubert))
    if (bert := sources.bert) is not None:
        yield _Step(BERT, bert, lambda: bert_part(bert))
    if (speaker := sources.speaker) is not None:
        yield _Step(SPEAKER, speaker, lambda: speaker_part(speaker))


def _check_symbols(part: Path, s2: S2File) -> None:
    """Raises: WeightsError when the two models do not read the same phones."""
    rows = read_tensors(part / S1)[0]["ar_text_embedding.word_embeddings.weight"].shape[0]
    if (rows >= 732) == (s2.version == "v1"):
        raise WeightsError(
            f"the GPT model knows {rows} phones and the SoVITS model is a {s2.version} ({V1_SYMBOLS} phones in v1, "
            "732 in all others); pair models that were made for each other"
        )


def _notes(sources: Sources) -> Iterator[str]:
    if sources.hubert is None:
        yield "no chinese-hubert-base: the result cannot take a voice from a recording"
    if sources.bert is None:
        yield "no chinese-roberta-wwm-ext-large: Chinese will be spoken without it, with a flatter intonation"


def _tensors(path: Path) -> Mapping[str, Tensor]:
    return read_legacy(path) if is_pickle(path) else read_tensors(path)[0]


def _beside(path: Path, name: str) -> Path:
    found = path.parent / name
    if not found.is_file():
        raise WeightsNotFoundError(f"{path} needs {name} beside it; copy it from where the other file came from")
    return found


log = logging.getLogger(__name__)

KIND = "gpt-sovits/1"  # counted up when files are converted in another way
WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # of HuBERT and BERT, in their folders


def converted_installation(named: GPTSoVITSConfig, cache_dir: Path) -> Path:
    """The folder of safetensors below ``cache_dir`` that the installation ``named`` is converted into.

    Files that change are converted again. Raises: WeightsError when a file is missing or is not what it should be.
    """
    sources = _sources(named)
    files = [getattr(sources, name) for name in ("s1", "s2", "base", "hubert", "bert")]
    stamps = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files if path is not None]
    folder = cache_dir / "converted" / content_key(KIND, named.version, stamps)
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            if not folder.exists():
                log.info("converting %s and %s; this happens once", sources.s1.name, sources.s2.name)
                convert_gpt_sovits(sources, folder, version=_version(sources.s2, named.version))
    return folder


def _sources(named: GPTSoVITSConfig) -> Sources:
    assert named.pretrained is not None, "an installation is named"
    found = Sources.find(named.pretrained, version=named.version, s1=named.gpt, s2=named.sovits)
    return replace(found, hubert=_weights(named.hubert) or found.hubert, bert=_weights(named.bert) or found.bert)


def _weights(folder: Path | None) -> Path | None:
    if folder is None:
        return None
    return next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)


def _version(s2: Path, told: Version | None) -> Version | None:
    """The version of the settings, where the file itself does not tell it."""
    return None if published_version(s2) or read_mark(s2) else told
