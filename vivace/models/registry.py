"""The model families: one row for each, and which family a checkpoint folder belongs to.

To add a family, write its folder (see ``vivace.models.family``) and add a row here, or call ``register_family``. This
module imports no torch: the networks of a family are imported when a checkpoint of it is opened.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from vivace.errors import InputError, WeightsNotFoundError
from vivace.models.chattts.options import ChatTTSKeywords
from vivace.models.gpt_sovits.options import GPTSoVITSKeywords
from vivace.models.options import FamilyOptions

if TYPE_CHECKING:
    from vivace.models.family import FamilySpec

EMBEDDED = "embedded"  # name of the voice in the package


@dataclass(frozen=True)
class FamilyEntry:
    """One row of the registry."""

    name: str  # identifier, e.g. "chattts"
    title: str  # name in messages
    landmark: str  # a file that only checkpoints of this family have, relative to the checkpoint's folder
    package: str  # dotted name of the package that holds the modules ``options`` and ``family``

    @property
    def options(self) -> type[FamilyOptions]:
        """The type of the options that requests to this family may have."""
        found: type[FamilyOptions] = import_module(f"{self.package}.options").OPTIONS
        return found

    @property
    def option_names(self) -> tuple[str, ...]:
        """The keywords of these options."""
        return tuple(field.name for field in fields(self.options))

    @property
    def spec(self) -> "FamilySpec":
        """How checkpoints of this family are opened. Imports torch."""
        found: FamilySpec = import_module(f"{self.package}.family").SPEC
        return found


FAMILIES: list[FamilyEntry] = [
    FamilyEntry("chattts", "ChatTTS", "asset/gpt/config.json", "vivace.models.chattts"),
    FamilyEntry("gpt_sovits", "GPT-SoVITS", "gpt_sovits.json", "vivace.models.gpt_sovits"),
]


class FamilyKeywords(ChatTTSKeywords, GPTSoVITSKeywords, total=False):
    """The request options of all families in the package, for type checkers. Other families' pass at run time."""


def register_family(name: str, title: str, landmark: str, package: str) -> FamilyEntry:
    """Add a family from outside the package; its checkpoints then work in ``TTS``, the server and the command line.

    Raises: ValueError when the name or the landmark is taken.
    """
    for known in FAMILIES:
        if name == known.name or landmark == known.landmark:
            raise ValueError(f"the family {known.name!r} has the same name or landmark; choose others")
    entry = FamilyEntry(name, title, landmark, package)
    FAMILIES.append(entry)
    return entry


def embedded_root() -> Path:
    """The checkpoint folder inside the package."""
    return Path(str(files("vivace") / "assets" / EMBEDDED))


def family_of(root: Path) -> FamilyEntry:
    """The family of the checkpoint in ``root``. Raises: WeightsNotFoundError when there is no known checkpoint."""
    for entry in FAMILIES:
        if (root / entry.landmark).is_file():
            return entry
    expected = ", ".join(entry.landmark for entry in FAMILIES)
    raise WeightsNotFoundError(f"{root} is not a checkpoint we know (no {expected}); give a model's own folder")


def option_names() -> frozenset[str]:
    """The option keywords of all families."""
    return frozenset(name for entry in FAMILIES for name in entry.option_names)


def read_family_options(entry: FamilyEntry, values: Mapping[str, object]) -> FamilyOptions:
    """The options of one request to a model of ``entry``; values that are None do not count.

    Raises: InputError when a value is out of range, or belongs to another family; the message names both.
    """
    given = {name: value for name, value in values.items() if value is not None}
    for name in given:
        if name not in entry.option_names:
            owners = " and ".join(_owners(name)) or "no family"
            raise InputError(f"{name} is an option of {owners} models, and this is a {entry.title} model; leave it out")
    return entry.options(**given)


def _owners(name: str) -> Sequence[str]:
    return [entry.title for entry in FAMILIES if name in entry.option_names]
