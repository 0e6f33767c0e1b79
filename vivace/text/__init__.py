"""Text: written words to spoken words, pieces and phones. Usable alone; imports no torch.

::

    normalize("3:30, $12.50", "en")   # three thirty, twelve dollars fifty cents
    phones("你好 world")              # Word("你好", "zh", ("ni2", "hao3")), Word("world", "en", ("W", "ER1", "L", "D"))
    split(long_text, budget=120)      # pieces that end where a speaker would pause
    Segmenter().push("text that com") # the same pieces while the text arrives
    plain_text("## You need **3**")   # documents: Markdown, HTML, subtitles; all of these take ``format``
    explain("It costs $5.").spans     # per span: the rule that read it, words, phones, or why it says nothing
    Lexicon.load("readings.tsv")      # readings of your own, for all three: phones("Nginx", lexicon=...)
"""

import warnings

from vivace.text.documents import DocumentOptions, DocumentReader, plain_text
from vivace.text.explain import ExplainedSpan, Explanation, explain
from vivace.text.lexicon import Lexicon
from vivace.text.normalize import normalize
from vivace.text.overrides import Normalizer
from vivace.text.phonemes import phones
from vivace.text.segmenter import Segmenter
from vivace.text.split import split

__all__ = [
    "DocumentOptions",
    "DocumentReader",
    "ExplainedSpan",
    "Explanation",
    "Lexicon",
    "Normalizer",
    "Segmenter",
    "explain",
    "normalize",
    "phones",
    "plain_text",
    "split",
]


def __getattr__(name: str) -> object:
    if name == "Normaliser":
        warnings.warn("vivace.text.Normaliser is now Normalizer", DeprecationWarning, stacklevel=2)
        return Normalizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
