"""Deprecated: import these names from ``vivace.text``."""

import warnings

from vivace.text import Lexicon, Segmenter, normalize, phones, split

__all__ = ["Lexicon", "Segmenter", "normalize", "phones", "split"]

warnings.warn("vivace.pipeline.front_end is now vivace.text", DeprecationWarning, stacklevel=2)
