"""Markdown to plain text, through markdown-it-py: headings, lists, tables, links, images, code and formulas."""

import re
from functools import cache
from typing import TYPE_CHECKING

from vivace.text.documents import latex, wrapping
from vivace.text.documents.html import KNOWN, read_html
from vivace.text.documents.options import CODE_BLOCK, DocumentOptions
from vivace.text.documents.parts import DocumentPart, PartBuilder, TableReader, checked
from vivace.text.language import HAN
from vivace.text.markup import inline_readings
from vivace.types import SpokenLanguage

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

ADDRESS = re.compile(r"[/.#:?@]")
TASK = re.compile(r"\[[ xX]\]\s+")
TAG_NAME = re.compile(r"</?([A-Za-z][A-Za-z0-9-]*)")
DESTINATION = re.compile(r"\](?:\((?:[^()\n]|\([^()\n]{0,200}\)){0,1000}\)|\[[^\[\]\n]{0,200}\])")
REFERENCE = re.compile(r"\[([^\[\]\n]{1,200})\]\[[^\[\]\n]{0,100}\]|\[\^[^\[\]\s]{1,40}\]")
ALONE = frozenset(("br", "hr", "img", "wbr", "input", "break", "meta", "link"))  # tags without an end
FOOTNOTE = re.compile(r"\[\^[0-9]{1,3}\]")  # in an auto text, where [^abc] may be a regular expression
INSIDE = "\u2e3b"  # a dash that keeps the first word of a part from the start of the line
UNSPACED = re.compile(f"[{HAN}，。！？；：、]")


@cache
def _parser(strict: bool) -> "MarkdownIt":
    """The parser of ``markdown`` (strict), or of a part of an ``auto`` text: there nothing is code for its indent."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    parser.inline.ruler.before("escape", "formula", _formula)
    # In an auto text [wait](yin9) is a reading with a mistake, which is read and logged, and no link.
    parser.validateLink = lambda url: strict or ADDRESS.search(url) is not None  # type: ignore[method-assign]
    if not strict:
        parser.disable(["code", "reference", "lheading"])
    return parser


def _formula(state: "StateInline", silent: bool) -> bool:
    match = latex.CANDIDATE.match(state.src, state.pos)
    if match is None or latex.formula(match.group()) is None:
        return False
    if not silent:
        token = state.push("formula", "", 0)
        token.content = match.group()
    state.pos = match.end()
    return True


def markdown_parts(
    source: str,
    start: int,
    end: int,
    options: DocumentOptions,
    language: SpokenLanguage,
    *,
    strict: bool,
    line: str = "",
) -> list[DocumentPart]:
    """The plain text of ``source[start:end]``.

    Args:
        language: of the words that are said in place of something.
        strict: every construct counts, and every line break in a paragraph is a space.
        line: what is before the part in its line: no heading or item begins there.
    """
    builder = PartBuilder(source, start, end, "document.markdown")
    _Render(builder, source[start:end], options, language, strict).all(line)
    return builder.parts


class _Render:
    """Walks the tokens of one part."""

    def __init__(
        self, builder: PartBuilder, written: str, options: DocumentOptions, language: SpokenLanguage, strict: bool
    ) -> None:
        self.builder, self.written, self.options = builder, written, options
        self.language, self.strict = language, strict
        self.offset = builder.position
        self.lines = [0, *(match.end() for match in re.finditer("\n", written)), len(written)]
        self.table: TableReader | None = None
        self.readings = [
            (r.start + self.offset, r.end + self.offset) for r in inline_readings(written, log_mistakes=False)
        ]

    def all(self, line: str) -> None:
        # A reading in the text, [Nginx](enginex), looks like a link: brackets that are no Markdown stand in its place.
        source = self.written
        self.line, self.inside = line, bool(line)
        for start, end in self.readings:
            start, end = start - self.offset, end - self.offset
            hidden = source[start:end].replace("[", "\ue000").replace("]", "\ue001").replace("(", "\ue002")
            source = source[:start] + hidden.replace(")", "\ue003") + source[end:]
        if self.readings:
            self.builder.source = (
                self.builder.source[: self.offset] + source + self.builder.source[self.offset + len(source) :]
            )
        tokens = _parser(self.strict).parse(f"{INSIDE}{source}" if line else source)
        for index, token in enumerate(tokens):
            self._block(token, tokens, index)
        self.builder.skip(self.offset + len(self.written))
        if self.readings:
            plain = str.maketrans("\ue000\ue001\ue002\ue003", "[]()")
            self.builder.parts = [
                DocumentPart(p.start, p.end, p.text.translate(plain), p.rule) for p in self.builder.parts
            ]

    def _line(self, number: int) -> int:
        return self.offset + self.lines[min(number, len(self.lines) - 1)]

    def _block(self, token: "Token", tokens: "list[Token]", index: int) -> None:
        builder, kind = self.builder, token.type
        if token.map is not None and token.nesting >= 0 and kind not in ("inline", "th_open", "td_open"):
            builder.skip(self._line(token.map[0]))
        if kind in ("heading_open", "paragraph_open", "hr", "blockquote_open", "heading_close", "paragraph_close"):
            if index == 0 or tokens[index - 1].type != "list_item_open":  # its number stands in this line
                builder.newline()
        elif kind == "list_item_open":
            builder.newline()
            if token.info:
                builder.text(f"{token.info}{token.markup}")
                builder.insert(" ", "document.item")
        elif kind in ("fence", "code_block"):
            self._code(token)
        elif kind == "html_block":
            builder.newline()
            assert token.map is not None
            read_html(builder, self._line(token.map[1]), self.options, self.language)
            builder.newline()
        elif kind == "table_open":
            self.table = TableReader(builder)
        elif kind == "tr_open" and self.table:
            self._row(tokens, index)
        elif kind in ("th_open", "td_open") and self.table:
            self.table.begin_cell(_plain(tokens[index + 1]))
        elif kind == "tr_close" and self.table:
            self.table.end_row()
        elif kind == "table_close":
            self.table = None
        elif kind == "inline":
            self._inline(token)

    def _row(self, tokens: "list[Token]", index: int) -> None:
        assert self.table is not None
        cells = 0
        for token in tokens[index:]:
            cells += token.type in ("th_open", "td_open")
            if token.type == "tr_close":
                break
        self.table.begin_row(cells, header=tokens[index + 1].type == "th_open")

    def _code(self, token: "Token") -> None:
        builder = self.builder
        builder.newline()
        end = self._line(token.map[1]) if token.map else builder.position
        said = CODE_BLOCK[self.language] if self.options.code_blocks == "name" else ""
        builder.replace(end, said, "document.code")
        builder.newline()

    def _inline(self, token: "Token") -> None:
        if self.table is not None:
            if self.table.silent or not token.content.strip():
                return
            self.table.before_text()
            said = checked(token.content, self.language) if self.options.emoji == "omit" else None
            if said is not None:
                self.builder.stand_in(token.content.strip(), said, "document.check")
                return
        children = token.children or []
        for index, child in enumerate(children):
            self._span(child, first=index == 0, following=children[index + 1] if index + 1 < len(children) else None)

    def _span(self, token: "Token", *, first: bool, following: "Token | None") -> None:
        builder, kind = self.builder, token.type
        if kind in ("text", "text_special", "code_inline"):
            content = token.content
            if first and (task := TASK.match(content)):
                builder.skip(builder.source.index(task.group(), builder.position) + task.end(), "document.task")
                content = content[task.end() :]
            self._text(content)
        elif kind == "softbreak":
            self._break()
        elif kind == "hardbreak":
            builder.newline()
        elif kind == "formula":
            self._formula(token.content)
        elif kind == "html_inline":
            self._tag(token.content, following)
        elif kind == "link_close" and token.info != "auto":
            self._destination()
        elif kind == "image":
            self._text(token.content)
            self._destination()

    def _text(self, content: str) -> None:
        if self.inside:
            content, self.inside = content.removeprefix(INSIDE), False
        position = 0
        for match in (REFERENCE if self.strict else FOOTNOTE).finditer(content):
            self.builder.text(content[position : match.start()])
            position = match.end()
            if match[0].startswith("[^"):
                label = content.startswith(":", position) and self.builder.last in ("", "\n", " ")
                position += label
                self.builder.stand_in(f"{match[0]}:" if label else match[0], "", "document.footnote")
            elif match[1]:
                self.builder.text(match[1])
        self.builder.text(content[position:])

    def _destination(self) -> None:
        builder = self.builder
        match = DESTINATION.search(builder.source, builder.position, min(builder.end, builder.position + 1200))
        if match is not None:
            builder.skip(match.end(), "document.link")

    def _break(self) -> None:
        builder, source = self.builder, self.builder.source
        at = source.find("\n", builder.position, builder.end)
        if at < 0:
            return
        start = source.rfind("\n", self.offset, at) + 1
        before = source[start:at] if start else self.line + source[self.offset : at]
        stop = source.find("\n", at + 1, builder.end)
        after = source[at + 1 : builder.end if stop < 0 else stop]
        after = re.sub(r"^[\s>]+", "", after)
        between: str | None = wrapping.gap(before, after)
        if self.strict:
            between = "" if UNSPACED.match(builder.last) and UNSPACED.match(after) else " "
        if between is None:
            builder.newline()
        else:
            builder.replace(at + 1, between, "document.wrap")
        builder.skip(at + 1)

    def _formula(self, content: str) -> None:
        builder = self.builder
        at = builder.source.find(content, builder.position, builder.end)
        builder.skip(max(at, builder.position))
        said = latex.spoken(latex.formula(content) or "", self.language)
        after = builder.source[builder.position + len(content) : builder.position + len(content) + 1]
        lead = " " if builder.last.isalnum() and builder.last.isascii() else ""
        tail = " " if after.isalnum() and after.isascii() else ""
        builder.replace(builder.position + len(content), f"{lead}{said}{tail}" if said else "", "document.formula")

    def _named(self, name: str, tag: str) -> bool:
        """Whether a tag of an auto text is only written about: the <p> tag."""
        if self.strict or name in ALONE or re.search(rf"</{name}\s*>", self.written, re.IGNORECASE):
            return False
        at = self.builder.source.find(tag, self.builder.position, self.builder.end)
        before = (self.line + self.builder.source[self.offset : max(at, self.offset)])[-1:]
        after = self.builder.source[at + len(tag) : at + len(tag) + 1]
        return before.isspace() and (after.isspace() or (after != "" and after in ",.;?!"))

    def _tag(self, content: str, following: "Token | None") -> None:
        builder = self.builder
        name = TAG_NAME.match(content)
        known = content.startswith("<!") or (name is not None and name[1].lower() in KNOWN)
        if not known or (name is not None and self._named(name[1].lower(), content)):
            builder.text(content)
            return
        at = builder.source.find(content, builder.position, builder.end)
        builder.skip(at + len(content) if at >= 0 else builder.position, "document.tag")
        tag = name[1].lower() if name and not content.startswith("</") else ""
        if tag == "br" and self.line.strip() and not builder.last:
            builder.insert("\n", "document.tag")
        elif tag == "br":
            builder.newline()
        elif tag == "break":
            builder.insert(", ", "document.break")
        elif tag == "sup" and following is not None and re.fullmatch(r"[-+−]?[0-9]{1,4}", following.content.strip()):
            builder.insert("^", "document.superscript")
        elif tag == "img" and (alt := re.search(r"alt\s*=\s*(?:\"([^\"]{1,300})\"|'([^']{1,300})')", content)):
            builder.insert(alt[1] or alt[2], "document.described")


def _plain(token: "Token") -> str:
    return "".join(child.content if child.type != "softbreak" else " " for child in token.children or ())
