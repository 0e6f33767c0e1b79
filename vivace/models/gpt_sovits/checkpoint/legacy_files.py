"""The original files of GPT-SoVITS models: which belong together, their contents, and the part that synthesis needs.

Source: section 2 of the GPT-SoVITS model facts.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from vivace.errors import InputError, WeightsError, WeightsNotFoundError
from vivace.weights.keymap import Rules, renamed

Version = Literal["v1", "v2", "v3", "v4", "v2Pro", "v2ProPlus"]
Tensors = dict[str, Tensor]

# The two digits that trainers write over the first two bytes of an S2 file: version, and whether it is low-rank.
MARKS: dict[bytes, tuple[Version, bool]] = {
    b"00": ("v1", False),
    b"01": ("v2", False),
    b"02": ("v3", False),
    b"03": ("v3", True),
    b"04": ("v4", True),
    b"05": ("v2Pro", False),
    b"06": ("v2ProPlus", False),
}
HASHED = 8192  # bytes at the start of a file, whose MD5 tells the published base models apart
PUBLISHED_MD5: dict[str, Version] = {
    "dc3c97e17592963677a4a1681f30c653": "v1",
    "6642b37f3dbb1f76882b69937c95a5f3": "v2",
    "43797be674a37c1c83ee81081941ed0f": "v3",
    "4f26b9476d0c5033e04162c486074374": "v4",
    "c7e9fce2223f3db685cdfa1e6368728a": "v2Pro",
    "66b313e39455b57ab1b0bc0b239c9d0a": "v2ProPlus",
}
FLOW_MATCHING = ("v3", "v4")
V1_SYMBOLS = 322
PRO_PLUS_WIDTH = 768  # of its first decoder convolution; 512 in v2Pro

ROTARY = "cfm.estimator.rotary_embed.inv_freq"  # files have it rounded to half precision; some may lack it
TEXT = "enc_p.text_embedding.weight"
# Training state, the posterior encoder, and a projection that nothing reads.
UNUSED = re.compile(r"enc_q\..+|linear_mel\..+|.+_codebook\.(inited|cluster_size|embed_avg)")
# Both ways in which files write a weight-normalized tensor; the pair is folded when it is loaded.
PAIRS: Rules = (
    (r"(.+)\.weight_g", r"\1.original0"),
    (r"(.+)\.weight_v", r"\1.original1"),
    (r"(.+)\.parametrizations\.weight\.(original[01])", r"\1.\2"),
)
ADAPTED = "cfm.base_model.model."  # how the trainer's low-rank wrapper calls "cfm."
ADAPTER = re.compile(r"(.+)\.lora_([AB])\.\w+\.weight")


@dataclass(frozen=True)
class S1File:
    """A text-to-semantic model ("GPT" in the words of its users)."""

    tensors: Tensors
    sizes: dict[str, Any]  # what the tensors do not tell


@dataclass(frozen=True)
class S2File:
    """A semantic-to-wave model ("SoVITS")."""

    version: Version
    tensors: Tensors
    sizes: dict[str, Any]
    low_rank: bool = False


def read_mark(path: Path) -> tuple[Version, bool] | None:
    """The version that the first two bytes name. Raises: WeightsError when they are unknown digits."""
    with path.open("rb") as file:
        head = file.read(2)
    if head.isdigit() and head not in MARKS:
        known = ", ".join(mark.decode() for mark in MARKS)
        raise WeightsError(f"{path} is marked {head.decode()!r}, a version that is not known; known marks: {known}")
    return MARKS.get(head)


def published_version(path: Path) -> Version | None:
    """The version of a published base model, by the MD5 of its start."""
    with path.open("rb") as file:
        return PUBLISHED_MD5.get(hashlib.md5(file.read(HASHED), usedforsecurity=False).hexdigest())


def s1_file(path: Path, content: object) -> S1File:
    """The parts of an S1 file's content that matter. Raises: WeightsError when it is none."""
    weight, config = _parts(path, content)
    tensors = {key.removeprefix("model."): tensor for key, tensor in weight.items()}
    model, data = config.get("model", {}), config.get("data", {})
    if "ar_predict_layer.weight" not in tensors or "head" not in model:
        raise WeightsError(f"{path} is no GPT model of GPT-SoVITS; give the .ckpt file that its training wrote")
    codes = tensors["ar_predict_layer.weight"].shape[0]
    if model.get("EOS", codes - 1) != codes - 1:
        raise WeightsError(f"{path} ends speech with code {model['EOS']}, not with the last of {codes}; train it again")
    return S1File(tensors, {"heads": int(model["head"]), "max_seconds": int(data.get("max_sec", 54))})


def s2_file(path: Path, content: object, version: Version | None = None) -> S2File:
    """The parts of an S2 file's content that matter.

    Args:
        version: as the caller knows it; None: from the file's mark, its fingerprint or its content.
    Raises: WeightsError when it is none, or is not of the version that it is said to be.
    """
    weight, config = _parts(path, content)
    tensors = renamed({key: t for key, t in weight.items() if not UNUSED.fullmatch(key)}, PAIRS)
    low_rank = any(ADAPTER.fullmatch(key) for key in tensors)
    if "ref_enc.fc.fc.weight" not in tensors or not (low_rank or TEXT in tensors):
        raise WeightsError(f"{path} is no SoVITS model of GPT-SoVITS; give the .pth file of a generator (s2G...)")
    mark = read_mark(path)
    if mark and mark[1] != low_rank:
        raise WeightsError(f"{path} is marked as {_form(mark[1])} but holds {_form(low_rank)}; get it again")
    model = config.get("model", {})
    told = published_version(path) or (mark[0] if mark else None)
    if version and told and version != told:
        raise WeightsError(f"{path} is a {told} model, not {version}; name the right file or the right version")
    found = version or told or _by_content(tensors, model.get("version"))
    if found in ("v1", "v2"):  # these two differ in their symbols alone, and the table of them is in the file
        found = _by_content(tensors, None)
    _check(path, found, tensors)
    if found in FLOW_MATCHING and not low_rank and ROTARY not in tensors:
        tensors[ROTARY] = 10_000.0 ** (-torch.arange(0, 64, 2) / 64)
    sizes = {
        "heads": int(model.get("n_heads", 2)),
        "rates": list(model.get("upsample_rates", ())),
        "kernels": list(model.get("upsample_kernel_sizes", ())),
        "block_kernels": list(model.get("resblock_kernel_sizes", (3, 7, 11))),
        "dilations": [list(d) for d in model.get("resblock_dilation_sizes", ((1, 3, 5),) * 3)],
    }
    return S2File(found, tensors, sizes, low_rank)


def merge_low_rank(base: S2File, change: S2File) -> S2File:
    """``base`` with a low-rank file on top of it; alpha equals the rank, so that the scale is 1.

    Raises: WeightsError when ``base`` is of another version, or lacks what is to be changed.
    """
    if base.version != change.version:
        raise WeightsError(
            f"a low-rank {change.version} file needs a {change.version} base, not {base.version}; name the right one"
        )
    merged, halves = dict(base.tensors), dict[str, dict[str, Tensor]]()
    for key, tensor in change.tensors.items():
        key = key.replace(ADAPTED, "cfm.")
        if match := ADAPTER.fullmatch(key):
            halves.setdefault(f"{match[1]}.weight", {})[match[2]] = tensor
        else:
            merged[key] = tensor
    for key, half in halves.items():
        if key not in merged or len(half) != 2 or half["B"].shape[0] != merged[key].shape[0]:
            raise WeightsError(f"the low-rank file changes {key} in a way that the base does not allow; name its base")
        merged[key] = merged[key].float() + half["B"].float() @ half["A"].float()
    return S2File(base.version, merged, base.sizes)


def _parts(path: Path, content: object) -> tuple[Tensors, Mapping[str, Any]]:
    weight = content.get("weight") if isinstance(content, Mapping) else None
    config = content.get("config") if isinstance(content, Mapping) else None
    if not isinstance(weight, Mapping) or not isinstance(config, Mapping):
        raise WeightsError(
            f"{path} is no model of GPT-SoVITS: it has no weight and config; give a file of its training"
        )
    return {str(key): value for key, value in weight.items() if isinstance(value, Tensor)}, config


def _by_content(tensors: Tensors, written: object) -> Version:
    """v3 and v4 differ in nothing that can be seen; what the trainer wrote decides, else v3 as in the reference."""
    if any(key.startswith("cfm.") for key in tensors):
        return "v4" if written == "v4" else "v3"
    if "sv_emb.weight" in tensors:
        wide = tensors["dec.conv_pre.weight"].shape[0] == PRO_PLUS_WIDTH
        return "v2ProPlus" if wide or written == "v2ProPlus" else "v2Pro"
    return "v1" if TEXT in tensors and tensors[TEXT].shape[0] == V1_SYMBOLS else "v2"


def _check(path: Path, version: Version, tensors: Tensors) -> None:
    """Raises: WeightsError when the tensors are not those of the version."""
    flow = any(key.startswith("cfm.") for key in tensors)
    pro = "sv_emb.weight" in tensors
    symbols = tensors[TEXT].shape[0] if TEXT in tensors else None
    wrong = (
        flow != (version in FLOW_MATCHING)
        or pro != version.startswith("v2Pro")
        or (symbols is not None and (symbols == V1_SYMBOLS) != (version == "v1"))
    )
    if wrong:
        raise WeightsError(f"{path} does not hold a {version} model, which it is said to be; get it again")


def _form(low_rank: bool) -> str:
    return "a low-rank change" if low_rank else "a whole model"


# Base models where releases put them, under the folder of pretrained models.
PUBLISHED_S1: dict[Version, str] = {
    "v1": "s1bert25hz-2kh-longer-epoch=68e-step=50232.ckpt",
    "v2": "gsv-v2final-pretrained/s1bert25hz-5kh-longer-epoch=12-step=369668.ckpt",
    "v3": "s1v3.ckpt",
    "v4": "s1v3.ckpt",
    "v2Pro": "s1v3.ckpt",
    "v2ProPlus": "s1v3.ckpt",
}
PUBLISHED_S2: dict[Version, str] = {
    "v1": "s2G488k.pth",
    "v2": "gsv-v2final-pretrained/s2G2333k.pth",
    "v3": "s2Gv3.pth",
    "v4": "gsv-v4-pretrained/s2Gv4.pth",
    "v2Pro": "v2Pro/s2Gv2Pro.pth",
    "v2ProPlus": "v2Pro/s2Gv2ProPlus.pth",
}
VOCODERS: dict[Version, tuple[str, ...]] = {
    "v3": ("models--nvidia--bigvgan_v2_24khz_100band_256x/bigvgan_generator.pt", "bigvgan/bigvgan_generator.pt"),
    "v4": ("gsv-v4-pretrained/vocoder.pth", "vocoder.pth"),
}
HUBERTS = ("chinese-hubert-base/model.safetensors", "chinese-hubert-base/pytorch_model.bin")
BERTS = ("chinese-roberta-wwm-ext-large/model.safetensors", "chinese-roberta-wwm-ext-large/pytorch_model.bin")
SPEAKERS = ("sv/pretrained_eres2netv2w24s4ep4.ckpt", "pretrained_eres2netv2w24s4ep4.ckpt")


def is_gpt_sovits(root: Path) -> bool:
    """Whether a folder looks as if it held models of this family."""
    return any(next(root.glob(pattern), None) for pattern in ("*.ckpt", "*.pth", "*/s2G*.pth"))


@dataclass(frozen=True)
class Sources:
    """Files to convert; None: there is none, or none is needed."""

    s1: Path
    s2: Path
    base: Path | None = None  # what a low-rank S2 changes
    vocoder: Path | None = None
    hubert: Path | None = None
    bert: Path | None = None
    speaker: Path | None = None
    root: Path | None = None  # where to look for what is missing

    @classmethod
    def find(
        cls,
        root: Path,
        *,
        version: Version | None = None,
        s1: Path | None = None,
        s2: Path | None = None,
        base: Path | None = None,
    ) -> "Sources":
        """Files of a folder of pretrained models, or of one with a pair of models in it.

        Args:
            version: which base models to take; else the only one of each kind.
            s1, s2, base: a fine-tuned GPT model, SoVITS model, and what a low-rank SoVITS model changes.
        Raises: WeightsNotFoundError when a model is missing, or there are several to choose from;
            InputError when there is no such version.
        """
        if version is not None and version not in PUBLISHED_S2:
            raise InputError(f"unknown version {version!r}; known: {', '.join(PUBLISHED_S2)}")
        if not root.is_dir():
            raise WeightsNotFoundError(f"no folder {str(root)!r} to convert; name the one that holds the models")
        base = base or (root / PUBLISHED_S2[version] if version in FLOW_MATCHING else None)
        return cls(
            s1=s1 or _one(root, "GPT model (.ckpt)", "--gpt", _s1_candidates(root, version)),
            s2=s2 or _one(root, "SoVITS model (.pth)", "--sovits", _s2_candidates(root, version)),
            base=base if base and base.is_file() else None,
            hubert=_first(root, HUBERTS),
            bert=_first(root, BERTS),
            root=root,
        )

    def completed(self, version: Version) -> "Sources":
        """With what a model of the version needs besides. Raises: WeightsNotFoundError when it is not there."""
        if self.root is None:
            return self
        vocoder, speaker = self.vocoder, self.speaker
        if version in FLOW_MATCHING:
            vocoder = vocoder or _needed(self.root, version, "vocoder", VOCODERS[version])
        if version.startswith("v2Pro"):
            speaker = speaker or _needed(self.root, version, "speaker network", SPEAKERS)
        return replace(self, vocoder=vocoder, speaker=speaker)


def _s1_candidates(root: Path, version: Version | None) -> Iterator[Path]:
    if version is not None and (root / PUBLISHED_S1[version]).is_file():
        yield root / PUBLISHED_S1[version]
    else:
        speakers = {Path(name).name for name in SPEAKERS}
        yield from (path for path in sorted(root.glob("*.ckpt")) if path.name not in speakers)


def _s2_candidates(root: Path, version: Version | None) -> Iterator[Path]:
    if version is not None and (root / PUBLISHED_S2[version]).is_file():
        yield root / PUBLISHED_S2[version]
    else:  # s2D...: discriminators, which only training needs
        yield from (p for p in sorted(root.glob("*.pth")) if p.name != "vocoder.pth" and not p.name.startswith("s2D"))


def _one(root: Path, what: str, flag: str, candidates: Iterator[Path]) -> Path:
    found = list(candidates)
    if len(found) == 1:
        return found[0]
    names = ", ".join(path.name for path in found[:5]) or "none"
    raise WeightsNotFoundError(f"{root} holds no single {what} ({names}); name one with {flag}, or give --version")


def _first(root: Path, names: Sequence[str]) -> Path | None:
    return next((root / name for name in names if (root / name).is_file()), None)


def _needed(root: Path, version: Version, what: str, names: Sequence[str]) -> Path:
    found = _first(root, names)
    if found is None:
        raise WeightsNotFoundError(f"a {version} model needs its {what}, and {root} has no {names[0]}; copy it there")
    return found
