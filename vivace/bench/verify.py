"""``vivace verify``: load the checkpoint of a goldens folder and hold every recorded array against our own."""

from pathlib import Path

from vivace.errors import InputError
from vivace.layers.native.kernels import deactivate
from vivace.models.registry import FAMILIES
from vivace.models.verification import Goldens, Row


def verify_folder(folder: Path) -> list[Row]:
    """Every comparison of one goldens folder, in order.

    Raises:
        InputError: ``folder`` holds no goldens.
        WeightsError: a checkpoint of it does not load.
    """
    deactivate()  # recordings are compared with plain torch, whatever was loaded before in this process
    manifest = Goldens(folder).json("manifest.json") if (folder / "manifest.json").is_file() else {}
    for entry in FAMILIES:
        verification = entry.spec.verification
        if verification is not None and verification.is_of(manifest):
            return verification.run(folder)
    raise InputError(f"{folder} holds no goldens; give a folder with manifest.json and the checkpoints it records")
