"""Options of a request that only this family has."""

from dataclasses import dataclass

from vivace.models.options import FamilyOptions


@dataclass(frozen=True)
class SineOptions(FamilyOptions):
    """``octave`` moves every tone up by so many octaves."""

    octave: int | None = None


OPTIONS = SineOptions
