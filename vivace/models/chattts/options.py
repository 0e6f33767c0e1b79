"""Options of a request that only ChatTTS has."""

from dataclasses import dataclass
from typing import TypedDict

from vivace.models.options import FamilyOptions


class ChatTTSKeywords(TypedDict, total=False):
    """The same options as keywords of ``TTS.synthesize``."""

    refine: str | None  # rewrite the text first, in this style, e.g. "[oral_2][laugh_0][break_6]"


@dataclass(frozen=True)
class ChatTTSOptions(FamilyOptions):
    """Options of one request."""

    refine: str | None = None

    @property
    def rewrite_style(self) -> str | None:
        """The style of the refine pass."""
        return self.refine


OPTIONS = ChatTTSOptions
