"""Whether a folder holds all files of a checkpoint."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from vivace.errors import WeightsNotFoundError
from vivace.weights.tensor_file import PICKLE_SUFFIXES

MAX_LISTED = 5


def require_files(root: Path, required: Iterable[str]) -> None:
    """Raises: WeightsNotFoundError when ``root`` lacks one of the ``required`` files; the message names them."""
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


def shortened(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    rest = len(names) - MAX_LISTED
    return ", ".join(names[:MAX_LISTED]) + (f" and {rest} more" if rest > 0 else "")


def _files(root: Path) -> Iterable[Path]:
    return sorted(path for folder in (root, root / "asset") if folder.is_dir() for path in folder.iterdir())
