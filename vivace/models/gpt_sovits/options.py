"""Options of a request that only GPT-SoVITS has."""

from dataclasses import dataclass
from typing import TypedDict

from vivace.errors import InputError
from vivace.models.gpt_sovits.text_split import SplitMethod, presplit
from vivace.models.options import FamilyOptions
from vivace.text.language import main_language
from vivace.types import LanguageChoice

MAX_STEPS = 128


class GPTSoVITSKeywords(TypedDict, total=False):
    """The same options as keywords of ``TTS.synthesize``."""

    sample_steps: int | None  # of the flow-matching solver, 1 to 128; v3 and v4 have one
    split_method: SplitMethod | None  # how to cut the text; None: at sentence ends


@dataclass(frozen=True)
class GPTSoVITSOptions(FamilyOptions):
    """Options of one request. Raises: InputError when ``sample_steps`` is out of range."""

    sample_steps: int | None = None
    split_method: SplitMethod | None = None

    def __post_init__(self) -> None:
        if self.sample_steps is not None and not 1 <= self.sample_steps <= MAX_STEPS:
            raise InputError(f"sample_steps is {self.sample_steps}; give a whole number from 1 to {MAX_STEPS}")

    def presplit(self, text: str, language: LanguageChoice) -> list[str] | None:
        """The lines that ``split_method`` makes; None without one."""
        if self.split_method is None:
            return None
        return presplit(text, self.split_method, english=main_language(text, language) == "en")


OPTIONS = GPTSoVITSOptions
