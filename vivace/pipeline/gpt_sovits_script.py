"""What a model of the family reads: the phones of a text or a transcript, in the languages that it has phones for."""

from collections.abc import Iterable
from dataclasses import dataclass

from vivace.errors import UnsupportedLanguageError
from vivace.models.gpt_sovits.phones import PhoneRun, phone_runs
from vivace.models.gpt_sovits.symbols import SymbolSet
from vivace.pipeline.stages import Recording, Script
from vivace.text import phones
from vivace.types import SpokenLanguage, Word

LANGUAGES: dict[SymbolSet, tuple[SpokenLanguage, ...]] = {"v1": ("zh", "en", "ja"), "v2": ("zh", "en", "yue", "ja")}


@dataclass(frozen=True)
class PhoneScript(Script):
    """What S1 is asked to speak."""

    runs: tuple[PhoneRun, ...]


@dataclass(frozen=True)
class SoVITSHabits:
    """What the family expects of those who drive it."""

    languages: tuple[SpokenLanguage, ...]
    default_voice: str = "default"
    carry_over: bool = False  # a voice is a recording already
    max_piece_units: int = 80  # phone units; longer ones are more often read wrongly
    syllable_units: int = 2  # that a syllable counts of these


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


def transcript_runs(recording: Recording | None, inventory: SymbolSet) -> tuple[PhoneRun, ...]:
    """The runs of what a recording says; none without one. Raises: UnsupportedLanguageError."""
    if recording is None:
        return ()
    return readable_runs(phones(recording.transcript, recording.language), inventory)
