"""The phones of a segment or a transcript, as S1 reads them."""

from collections.abc import Iterable
from dataclasses import dataclass

from vivace.errors import UnsupportedLanguageError
from vivace.models.gpt_sovits.phones import PhoneRun, phone_runs
from vivace.models.gpt_sovits.symbols import SymbolSet
from vivace.models.text import ModelText, Reference
from vivace.text import phones
from vivace.types import SpokenLanguage, Word

LANGUAGES: dict[SymbolSet, tuple[SpokenLanguage, ...]] = {"v1": ("zh", "en", "ja"), "v2": ("zh", "en", "yue", "ja")}


@dataclass(frozen=True)
class PhoneText(ModelText):
    """A segment as S1 reads it."""

    runs: tuple[PhoneRun, ...]


def readable_runs(words: Iterable[Word], inventory: SymbolSet) -> tuple[PhoneRun, ...]:
    """The runs of words. Raises: UnsupportedLanguageError when the models have no phones for one of them."""
    runs = tuple(phone_runs(words))
    for run in runs:
        if run.language not in LANGUAGES[inventory]:
            raise UnsupportedLanguageError(
                f"GPT-SoVITS {inventory} has no phones for {run.language!r}, only for "
                f"{', '.join(LANGUAGES[inventory])}; choose another model"
            )
    return runs


def transcript_runs(reference: Reference | None, inventory: SymbolSet) -> tuple[PhoneRun, ...]:
    """The runs of the transcript of a reference; none without one. Raises: UnsupportedLanguageError."""
    if reference is None:
        return ()
    return readable_runs(phones(reference.transcript, reference.language), inventory)
