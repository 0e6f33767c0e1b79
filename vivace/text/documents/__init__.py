"""Documents to plain written text: Markdown, HTML, subtitles, formulas, wrapped lines; with the way back to the source.

::

    plain_text("## You need **3** eggs")            # You need 3 eggs
    DocumentReader(DocumentOptions("markdown"))     # the same for text that arrives in fragments
"""

from vivace.text.documents.options import DocumentOptions
from vivace.text.documents.parts import DocumentPart, SourceMap
from vivace.text.documents.reader import DocumentReader, is_plain
from vivace.types import LanguageChoice, TextFormat

__all__ = ["DocumentOptions", "DocumentPart", "DocumentReader", "SourceMap", "plain_text", "read_document"]


def read_document(
    source: str, format: TextFormat | DocumentOptions = "auto", language: LanguageChoice = "auto"
) -> tuple[str, SourceMap, list[DocumentPart]]:
    """The plain text of a whole document, the way back to it, and its parts, which cover it in order."""
    options = DocumentOptions.of(format)
    if is_plain(source, options):
        return source, SourceMap(), [DocumentPart(0, len(source), source)]
    reader = DocumentReader(options, language)
    parts = [*reader.push(source), *reader.finish()]
    return "".join(part.text for part in parts), reader.source_map, parts


def plain_text(source: str, format: TextFormat | DocumentOptions = "auto", language: LanguageChoice = "auto") -> str:
    """The plain written text of a document, as the reading rules see it.

    Raises: InputError when there is no such ``format``.
    """
    return read_document(source, format, language)[0]
