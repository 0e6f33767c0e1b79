"""Which files a folder must hold to be a checkpoint."""

import json
from collections.abc import Iterable
from pathlib import Path

from vivace.errors import WeightsError, WeightsNotFoundError
from vivace.weights.tensor_file import PICKLE_SUFFIXES

REQUIRED = (
    "asset/gpt/config.json",
    "asset/gpt/model.safetensors",
    "asset/Embed.safetensors",
    "asset/Decoder.safetensors",
    "asset/Vocos.safetensors",
    "asset/tokenizer/tokenizer.json",
)
GPT_SOVITS = "gpt_sovits.json"  # what a converted GPT-SoVITS checkpoint has instead of asset/
GPT_SOVITS_REQUIRED = ("s1.safetensors", "s2.safetensors")
DVAE = "asset/DVAE.safetensors"  # needed unless the configuration beside asset/ says "dvae": null
MAX_LISTED = 5


def check_layout(root: Path) -> None:
    """Raises: WeightsNotFoundError when files of a checkpoint are missing; the message names them."""
    if (root / GPT_SOVITS).is_file():
        required = [*GPT_SOVITS_REQUIRED]
    else:
        required = [*REQUIRED, DVAE] if _has_dvae(root) else [*REQUIRED]
    missing = [name for name in required if not (root / name).is_file()]
    if not missing:
        return
    pickles = [path for path in _files(root) if path.suffix.lower() in PICKLE_SUFFIXES]
    advice = (
        f"it holds legacy files such as {pickles[0].name}: make a new folder with `vivace models convert {root} TARGET`"
        if pickles
        else "fetch them from where the others came from, or give a hub address such as 2Noise/ChatTTS"
    )
    raise WeightsNotFoundError(f"{root} is no complete checkpoint, it lacks {shortened(missing)}; {advice}")


def shortened(names: list[str]) -> str:
    """The first few names, and how many more there are."""
    rest = len(names) - MAX_LISTED
    return ", ".join(names[:MAX_LISTED]) + (f" and {rest} more" if rest > 0 else "")


def _has_dvae(root: Path) -> bool:
    for config in root.glob("*config.json"):
        try:
            if json.loads(config.read_text(encoding="utf-8")).get("dvae", {}) is None:
                return False
        except (OSError, ValueError, AttributeError) as exc:
            raise WeightsError(f"{config} is damaged ({exc}); fetch it again") from exc
    return True


def _files(root: Path) -> Iterable[Path]:
    return sorted(path for folder in (root, root / "asset") if folder.is_dir() for path in folder.iterdir())
