"""Options of a request that only some model families have. No torch here: the command line reads them too."""

from dataclasses import dataclass

from vivace.types import LanguageChoice


@dataclass(frozen=True)
class FamilyOptions:
    """Base of the options of a family; a family without options uses it as it is.

    A subclass is a frozen dataclass whose fields all default to None. It checks its values in ``__post_init__`` and
    raises InputError with the range that a value must be in.
    """

    @property
    def rewrite_style(self) -> str | None:
        """The style of a refine pass before synthesis, e.g. ``[oral_2]``; None: no such pass."""
        return None

    def presplit(self, text: str, language: LanguageChoice) -> list[str] | None:
        """The text cut into lines by a method of this family; None: cut at sentence ends as usual."""
        return None


NO_OPTIONS = FamilyOptions()
