"""HTML and SSML to plain text, through the parser of selectolax: what it repairs is read as a browser shows it."""

import re
from typing import TYPE_CHECKING

from vivace.text.documents.options import CODE_BLOCK, DocumentOptions
from vivace.text.documents.parts import LINE_BREAK, DocumentPart, PartBuilder, TableReader, checked
from vivace.text.language import HAN
from vivace.types import SpokenLanguage

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

SILENT = frozenset(
    "head script style template noscript iframe object svg canvas audio video select datalist rt rp math"  # noqa: SIM905
    " textarea".split()
)
BLOCKS = frozenset(
    "address article aside blockquote body center dd details dialog div dl dt fieldset figcaption figure footer form h1"  # noqa: SIM905
    " h2 h3 h4 h5 h6 header hr html li main nav ol p pre s section summary table tbody td tfoot th thead tr ul speak"
    " voice paragraph sentence caption option legend".split()
) - {"td", "th", "s", "html", "body", "speak", "voice"}
INLINE = frozenset(
    "a abbr acronym b bdi bdo big br button cite code data del dfn em font i img input ins kbd label mark meter output"  # noqa: SIM905
    " progress q ruby rb rt rp s samp small span strike strong sub sup time tt u var wbr center meta link title"
    " break emphasis prosody phoneme say-as lang audio w token".split()
)
ROWS = frozenset(("tr", "tbody", "thead", "tfoot"))  # a TableReader ends their lines
KNOWN = BLOCKS | INLINE | SILENT | frozenset(("html", "body", "td", "th", "speak", "voice", "picture", "source"))
FOOTNOTE = re.compile(r"\s*\[[0-9a-z]{1,4}\]\s*")
EXPONENT = re.compile(r"[+-−]?[0-9]{1,4}|n")
HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
FAR = 20_000  # characters in which the end tag of what is left out is looked for
HAN_CHAR = re.compile(f"[{HAN}，。！？；：、]")


def html_parts(
    source: str, start: int, end: int, options: DocumentOptions, language: SpokenLanguage
) -> list[DocumentPart]:
    """The plain text of the markup in ``source[start:end]``."""
    builder = PartBuilder(source, start, end, "document.tag")
    read_html(builder, end, options, language)
    return builder.parts


def read_html(builder: PartBuilder, end: int, options: DocumentOptions, language: SpokenLanguage) -> None:
    """As ``html_parts``, into ``builder`` up to ``end``."""
    from selectolax.lexbor import LexborHTMLParser

    whole = LexborHTMLParser(builder.source[builder.position : end].replace("\x00", " "))
    if whole.root is not None:
        _Walk(builder, options, language).walk(whole.root)
    builder.skip(end)


class _Walk:
    """Depth first over the tree, without recursion: a page may be nested deeper than the stack."""

    def __init__(self, builder: PartBuilder, options: DocumentOptions, language: SpokenLanguage) -> None:
        self.builder, self.options, self.language = builder, options, language
        self.tables: list[TableReader] = []
        self.items: list[int] = []  # the number of the last item of each open list; -1: without numbers

    def walk(self, root: "LexborNode") -> None:
        stack: list[tuple[LexborNode, bool]] = [(root, True)]
        while stack:
            node, entering = stack.pop()
            if not entering:
                self._leave(node)
                continue
            if node.is_text_node:
                self._text(node.text_content or "")
            elif node.is_element_node and self._enter(node):
                stack.append((node, False))
                child = node.last_child
                while child is not None:
                    stack.append((child, True))
                    child = child.prev

    def _text(self, content: str) -> None:
        builder = self.builder
        if self.tables and self.tables[-1].silent:
            return
        if builder.last in ("", "\n", " "):
            content = content.lstrip()
        if not content:
            return
        if self.tables and content.strip():
            self.tables[-1].before_text()
            said = checked(content, self.language) if self.options.emoji == "omit" else None
            if said is not None:
                builder.stand_in(content.strip(), said, "document.check")
                return
        position = 0
        for match in LINE_BREAK.finditer(content):
            builder.text(content[position : match.start()], tags=True)
            position = match.end()
            joined = HAN_CHAR.match(builder.last) and HAN_CHAR.match(content[position : position + 1])
            if not joined and builder.last not in ("", "\n", " "):
                builder.insert(" ", "document.wrap")
            while builder.position < builder.end and builder.source[builder.position].isspace():
                builder.skip(builder.position + 1)
        builder.text(content[position:], tags=True)

    def _enter(self, node: "LexborNode") -> bool:
        """Whether what is in the element is read."""
        name, builder = node.tag or "", self.builder
        if name in SILENT or _hidden(node):
            self._leave_out(name, f"document.{name}" if name in SILENT else "document.hidden")
            return False
        if name == "pre":
            builder.newline()
            if self.options.code_blocks == "name":
                builder.insert(CODE_BLOCK[self.language], "document.code")
            self._leave_out(name, "document.code")
            builder.newline()
            return False
        if name == "br" or (name in BLOCKS and name not in ROWS):
            builder.newline()
        self._special(name, node)
        return not (name == "sup" and FOOTNOTE.fullmatch(node.text() or "")) and not (
            name == "sub" and "alias" in node.attributes
        )

    def _special(self, name: str, node: "LexborNode") -> None:
        builder = self.builder
        if name == "img":
            self._described(node.attributes.get("alt") or "")
        elif name == "sub" and node.attributes.get("alias"):
            self._described(node.attributes.get("alias") or "")
            self._leave_out(name, "document.alias")
        elif name == "break":
            builder.insert(", ", "document.break")
        elif name == "sup":
            written = (node.text() or "").strip()
            if FOOTNOTE.fullmatch(written):
                self._leave_out(name, "document.footnote")
            elif EXPONENT.fullmatch(written):
                builder.insert("^", "document.superscript")
        elif name in ("ol", "ul"):
            first = node.attributes.get("start") or "1"
            self.items.append((int(first) - 1 if first.isdecimal() and len(first) < 7 else 0) if name == "ol" else -1)
        elif name == "li" and self.items and self.items[-1] >= 0:
            self.items[-1] += 1
            builder.insert(f"{self.items[-1]}. ", "document.item")
        elif name == "table":
            self.tables.append(TableReader(builder))
        elif name == "tr" and self.tables:
            cells = _cells(node)
            self.tables[-1].begin_row(len(cells), header=bool(cells) and all(cell.tag == "th" for cell in cells))
        elif name in ("td", "th") and self.tables:
            self.tables[-1].begin_cell(node.text() or "")

    def _leave(self, node: "LexborNode") -> None:
        name = node.tag or ""
        if name in ("ol", "ul") and self.items:
            self.items.pop()
        elif name == "tr" and self.tables:
            self.tables[-1].end_row()
        elif name == "table" and self.tables:
            self.tables.pop()
        if name in BLOCKS and name not in ROWS:
            self.builder.newline()

    def _described(self, text: str) -> None:
        """A text that stands in an attribute."""
        if not text.strip():
            return
        if self.tables:
            self.tables[-1].before_text()
        builder = self.builder
        found = builder.source.find(text, builder.position, min(builder.end, builder.position + FAR))
        if found < 0:
            builder.insert(text, "document.described")
            return
        builder.skip(found)
        builder.keep(found + len(text))
        tail = builder.source.find(">", builder.position, min(builder.end, builder.position + FAR))
        builder.skip(tail + 1)

    def _leave_out(self, name: str, rule: str) -> None:
        """Skip the element in the source, where its end tag can be found."""
        builder = self.builder
        beginning = re.compile(rf"<{re.escape(name)}\b", re.IGNORECASE)
        begin = beginning.search(builder.source, builder.position, min(builder.end, builder.position + FAR))
        if begin is not None:
            end = re.compile(rf"</{re.escape(name)}\s*>", re.IGNORECASE).search(
                builder.source, begin.end(), min(builder.end, begin.end() + FAR)
            )
            builder.skip(end.end() if end else begin.end(), rule)


def _cells(row: "LexborNode") -> "list[LexborNode]":
    return [child for child in row.iter() if child.tag in ("td", "th")]


def _hidden(node: "LexborNode") -> bool:
    attributes = node.attributes
    return (
        "hidden" in attributes
        or attributes.get("aria-hidden") == "true"
        or HIDDEN.search(attributes.get("style") or "") is not None
    )
