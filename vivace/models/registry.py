"""Which family a checkpoint folder belongs to, and where the embedded voice is."""

from importlib.resources import files
from pathlib import Path
from typing import Literal

from vivace.errors import WeightsNotFoundError

Family = Literal["chattts", "gpt_sovits"]

# A file that only a checkpoint of the family has, relative to the checkpoint's folder.
LANDMARKS: dict[Family, str] = {
    "chattts": "asset/gpt/config.json",
    "gpt_sovits": "gpt_sovits.json",
}
EMBEDDED = "embedded"  # the name that the voice in the package goes by


def embedded_root() -> Path:
    """The checkpoint that ships inside the package."""
    return Path(str(files("vivace") / "assets" / EMBEDDED))


def family_of(root: Path) -> Family:
    """Look at ``root`` and say what it is. Raises: WeightsNotFoundError when it is nothing we know."""
    for family, landmark in LANDMARKS.items():
        if (root / landmark).is_file():
            return family
    expected = ", ".join(LANDMARKS.values())
    raise WeightsNotFoundError(f"{root} is not a checkpoint we know (no {expected}); give a model's own folder")
