"""Which files of a GPT-SoVITS installation make one checkpoint."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vivace.errors import InputError, WeightsNotFoundError
from vivace.models.gpt_sovits.checkpoint.legacy_files import FLOW_MATCHING, Version

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
