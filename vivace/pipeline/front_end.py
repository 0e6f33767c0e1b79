"""The text stage alone, for callers above the pipeline. Imports no torch, so that ``vivace text`` starts at once."""

from vivace.text import Lexicon, Segmenter, normalize, phones, split

__all__ = ["Lexicon", "Segmenter", "normalize", "phones", "split"]
