"""Documents that arrive in fragments to plain written text, the same however they are cut into fragments."""

import re
from collections.abc import Iterator

from vivace.text.documents import wrapping
from vivace.text.documents.options import DocumentOptions
from vivace.text.documents.parts import ENTITY, DocumentPart, SourceMap
from vivace.text.language import HAN, han_language, main_language
from vivace.text.markup import inline_readings
from vivace.text.rule import Deferred
from vivace.types import LanguageChoice, SpokenLanguage, TextFormat

LONGEST = 4000  # characters of a paragraph with markup; a longer one is parsed in parts, so that cost stays linear
LONGEST_START = 320  # characters that tell the format
LONGEST_WORD = 200  # characters before a sign that are judged with it
LINE_HEAD = 60  # characters of a line in which a bar makes it the row of a table
MARKUP = frozenset("*_~`[<&$|\\")
# The next sign that matters in prose: one that may be markup, the end of a line, or that of a sentence.
SIGN = re.compile(
    r"[*_~`\[<&$|\\\n]|[.!?][”’\"')\]]{0,3}[ \t](?=\S)|[。！？][”’」』》）]{0,3}(?=[^\n。！？”’」』》）])"
)
# A text without any of these has no markup, no wrapped line, and no time codes.
SIGNS_OF_MARKUP = re.compile(r"[#*_~`\[<>&$|\\\n]|WEBVTT")
FORMAT_START = re.compile(r"\s*(?:$|[0-9\[W\ufeff<])")  # of subtitles or a page
BEFORE_WORD = re.compile(rf"\s|[{HAN}，。！？；：、]")
LINE_START = Deferred(r"[ \t]*(?:[#`~>|<\[!$\\*_]|[-+][ \t]+\[)")  # a line that may be a construct of its own
NEXT_BLOCK = Deferred(
    r"[ \t]*(?:\n|$|#{1,6}[ \t]|[-*+•][ \t]|[0-9]{1,3}[.)][ \t]|```|~~~|\[[0-9]{1,3}:[0-9]{2})"
)  # at the start of a line: what is before it is a paragraph of its own
# Enough of the next line to tell whether it goes on with the last one, and whether it is the item of a list.
FIRST_WORD_KNOWN = Deferred(r"[ \t]*[A-Za-z0-9'’]{1,40}[^A-Za-z0-9'’\n][^\n]{2}")
FENCE = Deferred(r"[ \t]{0,12}(?:[-*+][ \t]+|[0-9]{1,3}[.)][ \t]+)?(`{3,}|~{3,})([^`\n]*)(?:\n|$)")
AUTO_FENCE = Deferred(r"[^`~]*`{3,}[ \t]*[A-Za-z0-9+#_.-]{0,30}[ \t]*\r?(?:\n|$)")  # ~~~ may be drawn
FENCE_BELOW = Deferred(r"\n(?=[ \t]{0,12}(?:`{3}|~{3}))")
TOP_LEVEL = Deferred(r"\n[ \t]*\n(?=\S)(?![-*+][ \t]|[0-9]{1,3}[.)][ \t])")
_NAMES = (
    r"a|abbr|address|article|aside|b|big|blockquote|body|br|break|button|center|cite|code|dd|del|details|div|dl|dt|em"
    r"|emphasis|figcaption|figure|font|footer|form|h[1-6]|head|header|hr|html|i|img|ins|kbd|lang|li|main|mark|nav|ol|p"
    r"|phoneme|pre|prosody|q|rp|rt|ruby|s|say-as|script|section|small|span|speak|strike|strong|style|sub|summary|sup|table"
    r"|tbody|td|tfoot|th|thead|time|title|tr|u|ul|var|voice"
)
_VALUE = r"(?:\"[^\"<>]{0,500}\"|'[^'<>]{0,500}'|[^\s\"'<>=]{1,200})"
TAG = rf"</?(?:{_NAMES})(?:\s+[A-Za-z:-]{{1,30}}\s*=\s*{_VALUE}){{0,12}}\s*/?>|<!--"
SURE = Deferred(
    r"^[ ]{0,3}#{1,6}[ \t]+\S"  # a heading
    r"|(?<![A-Za-z0-9)\]])\*\*(?=[^\s*])[^*\n]{0,300}(?:\*[^*\n]{1,100}\*[^*\n]{0,100})?(?<=[^\s*])\*\*"
    r"|(?<!\w)__(?=[^\s_])[^_\n]{1,300}(?<=[^\s_])__(?!\w|\.\w)"
    r"|~~(?=[^\s~])[^~\n]{1,300}(?<=[^\s~])~~"
    r"|(?<![\w*\\])\*(?=[^\s*])[^*\n]{1,200}(?<=[^\s*])\*(?![\w*])"
    r"|(?<![\w\\])_(?=[^\s_])[^_\n]{1,200}(?<=[^\s_])_(?!\w)"
    r"|`[^`\n]{1,300}`"
    r"|(?<=[A-Za-z0-9])\\[_*](?=[A-Za-z0-9])"  # an escape
    r"|(?<=\S)\[\^[0-9]{1,3}\](?![+*?{(])|^\[\^[0-9]{1,3}\]:[ \t]"  # a footnote, and no regular expression
    r"|!?\[[^\[\]\n]{0,300}\]"
    r"(?:\]|\((?=[^()\s]{0,500}[/.#:?@])"  # an address, and no reading with a mistake
    r"[^()\s]{0,500}(?:\([^()\s]{0,200}\)[^()\s]{0,200})?(?:[ \t]+[\"'][^\"'\n]{0,300}[\"'])?\))"
    r"|^[ \t]{0,3}\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*){1,40}\|?[ \t]*$"  # below the header of a table
    r"|^[ \t]{0,12}[-*+][ \t]+\[[ xX]\][ \t]"
    r"|^>[ \t]?[A-Za-z*_\"“\u4e00-\u9fff]"
    rf"|{TAG}",
    re.MULTILINE | re.IGNORECASE,
)
NO_HAN = Deferred(f"[^{HAN}]+")
WHOLE_PAGE = Deferred(r"\s*<(?:!doctype\s+html|\?xml|html|head|body|speak)\b", re.IGNORECASE)
PAGE_START = Deferred(r"\s*(?:$|<(?:[!?/A-Za-z][^>\n]{0,40})?$)")  # more is needed to tell


class DocumentReader:
    """Plain text of a document, part by part, as soon as nothing later can change it.

    ``push`` each fragment, then ``finish`` once. One thread at a time.

    Attributes:
        source_map: from the plain text given so far to the document.
    """

    def __init__(self, options: DocumentOptions | None = None, language: LanguageChoice = "auto") -> None:
        self.source_map = SourceMap()
        self._options = options or DocumentOptions()
        self._format: TextFormat = self._options.format
        self._sniffing = self._format == "auto"
        self._choice = language
        self._language: SpokenLanguage = han_language(language) if language not in ("auto", "en") else "en"
        self._text = ""  # what has come and is in no part yet
        self._offset = 0  # of self._text in the whole
        self._line_start = True
        self._before = ""  # what is before self._text in its line
        self._fence = ""  # the marks of the code block that is open
        self._plain_only = self._format == "plain" and self._options.emoji == "omit"

    @property
    def pending(self) -> int:
        """Number of characters of the document that are in no part yet."""
        return len(self._text)

    def push(self, fragment: str) -> list[DocumentPart]:
        """The parts that are certain now that ``fragment`` has come."""
        if self._plain_only:
            parts = [DocumentPart(self._offset, self._offset + len(fragment), fragment)] if fragment else []
            self._offset += len(fragment)
            self.source_map.add(parts)
            return parts
        self._text += fragment
        return self._read(whole=False)

    def finish(self) -> list[DocumentPart]:
        """The parts that are left."""
        return [] if self._plain_only else self._read(whole=True)

    def _read(self, *, whole: bool) -> list[DocumentPart]:
        parts = list(self._parts(whole=whole))
        self.source_map.add(parts)
        return parts

    def _parts(self, *, whole: bool) -> Iterator[DocumentPart]:
        if self._sniffing and not self._sniff(whole=whole):
            return
        position = 0
        while position < len(self._text):
            found = self._next(position, whole=whole)
            if found is None:
                break
            end, parts = found
            if self._options.emoji == "name":
                from vivace.text.documents.parts import with_emoji_names

                parts = list(with_emoji_names(parts, "" if self._line_start else self._before, self._named_in))
            line = (self._before + self._text[position:end])[-wrapping.SHORT_ENOUGH :]
            code = all(part.rule == "document.code" for part in parts)  # cut as it comes, and of no language
            if line.endswith("\n") and not code:
                self._language = self._language_at(_without_formulas(line))
            last = self._text.rfind("\n", position, end)
            self._before = self._text[last + 1 : end] if last >= 0 else (self._before + self._text[position:end])
            self._before = self._before[-wrapping.SHORT_ENOUGH :]
            self._line_start = self._text[end - 1] == "\n"
            for part in parts:
                yield DocumentPart(part.start + self._offset, part.end + self._offset, part.text, part.rule)
            position = end
        self._text = self._text[position:]
        self._offset += position

    def _sniff(self, *, whole: bool) -> bool:
        """Whether the beginning tells the format; more text is needed where not."""
        beginning = self._text[:LONGEST_START]
        enough = whole or len(self._text) > LONGEST_START
        if not FORMAT_START.match(beginning):
            self._sniffing = False
            return True
        from vivace.text.documents import subtitles

        if subtitles.START.match(beginning):
            self._format = "subtitles"
        elif WHOLE_PAGE.compiled.match(beginning):
            self._format = "html"
        elif not enough and (PAGE_START.compiled.match(beginning) or _may_be_subtitles(beginning)):
            return False
        self._sniffing = False
        return True

    def _next(self, position: int, *, whole: bool) -> tuple[int, list[DocumentPart]] | None:
        """The end of the next stretch that can be read by itself, and its parts; None where more text is needed."""
        if self._format in ("html", "subtitles"):
            return self._whole(position) if whole else None
        if self._format == "plain":  # with names of emoji: none is cut in two
            end = self._text.find("\n", position) + 1
            end = end or (len(self._text) if whole else self._text.rfind(" ") + 1)
            return (end, self._plain(position, end)) if end > position else None
        if self._fence:
            return self._code(position, whole=whole)
        if self._line_start:
            fence = FENCE.compiled.match(self._text, position)
            if fence is not None and self._format == "auto" and not AUTO_FENCE.compiled.match(fence.group()):
                fence = None
            if fence is not None and (whole or fence.group().endswith("\n")):
                self._fence = fence[1]
                return self._code(position, whole=whole, opening=fence)
            if not whole and _may_be_fence(self._text[position : position + 40]):
                return None
        if self._format == "markdown":
            stop = self._strict_end(position, whole=whole)
            return None if stop is None else (stop, self._markdown(position, stop, strict=True))
        return self._prose(position, whole=whole)

    def _whole(self, position: int) -> tuple[int, list[DocumentPart]]:
        end = len(self._text)
        if self._format == "subtitles":
            from vivace.text.documents import subtitles

            return end, subtitles.subtitle_parts(self._text, position, end)
        from vivace.text.documents.html import html_parts

        language = self._language_at(self._text[position : min(end, position + LONGEST)])
        return end, html_parts(self._text, position, end, self._options, language)

    def _named_in(self, line: str) -> SpokenLanguage:
        """The language of an emoji's name, by its line so far."""
        return main_language(line, self._choice) if any(map(str.isalpha, line)) else self._language

    def _language_at(self, written: str) -> SpokenLanguage:
        """The language of words that are said in place of something, by the text around, else by the last line."""
        if not any(map(str.isalpha, written)):
            written = "" if self._line_start else self._before
        return main_language(written, self._choice) if any(map(str.isalpha, written)) else self._language

    def _code(
        self, position: int, *, whole: bool, opening: re.Match[str] | None = None
    ) -> tuple[int, list[DocumentPart]] | None:
        """A code block, or as much of it as there is: nothing in it is read, so nothing is waited for."""
        begin = opening.end() if opening else position
        marks = rf"{re.escape(self._fence[0])}{{{len(self._fence)},}}"
        closing = re.compile(rf"^[ \t]{{0,12}}{marks}[ \t]*(?:\n|$)", re.MULTILINE)
        end = len(self._text)
        closed = closing.search(self._text, begin)
        parts: list[DocumentPart] = []
        if closed is not None and (whole or closed.group().endswith("\n")):
            end = closed.end()
            self._fence = ""
        else:
            if not whole:
                end = self._text.rfind("\n", begin) + 1
            end = max(end, begin)
            if end <= position:
                return None
        if opening is not None:
            from vivace.text.documents.options import CODE_BLOCK

            said = CODE_BLOCK[self._language_at("")] if self._options.code_blocks == "name" else ""
            parts.append(DocumentPart(position, begin, f"{said}\n" if said else "", "document.code"))
            position = begin
        if end > position:
            parts.append(DocumentPart(position, end, "", "document.code"))
        return end, parts

    def _prose(self, position: int, *, whole: bool) -> tuple[int, list[DocumentPart]] | None:
        """The next sentence, line or paragraph of an ``auto`` text."""
        text = self._text
        start = position
        if self._line_start:
            if not whole and len(text) - position < 12 and not text[position:].strip(" \t"):
                return None
            if LINE_START.compiled.match(text, position):
                return self._paragraph(position, whole=whole)
        while True:
            sign = SIGN.search(text, start, position + LONGEST)
            if sign is None:
                return self._words(position, whole=whole)
            char = text[sign.start()]
            if char == "\n":
                return self._line_end(position, sign.start(), whole=whole)
            if char not in MARKUP:
                return sign.end(), self._plain(position, sign.end())
            if not whole and sign.end() == len(text):
                return None
            before = text[sign.start() - 1] if sign.start() > position else self._before[-1:]
            if not _harmless(char, before, text[sign.end() : sign.end() + 1]):
                break
            start = sign.end()
        column = char == "|" and self._line_start and sign.start() - position < LINE_HEAD
        word = position if column else self._word(position, sign.start())
        if word > position:
            return word, self._plain(position, word)
        return self._paragraph(position, whole=whole)

    def _words(self, position: int, *, whole: bool) -> tuple[int, list[DocumentPart]] | None:
        """Prose without a sign so far, but for its last word, which may go on with one."""
        end = min(len(self._text), position + LONGEST)
        if not whole:
            if self._line_start and end - position < LINE_HEAD:
                return None  # the first cell of a table may be there
            end = self._word(position, end)
        return (end, self._plain(position, end)) if end > position else None

    def _word(self, position: int, end: int) -> int:
        """Where the word begins that goes on at ``end``: signs are judged by what they touch."""
        low = max(position, end - LONGEST_WORD)
        starts = [match.end() for match in BEFORE_WORD.finditer(self._text, low, end)]
        return starts[-1] if starts else low

    def _plain(self, position: int, end: int) -> list[DocumentPart]:
        return [DocumentPart(position, end, self._text[position:end])]

    def _line_end(self, position: int, at: int, *, whole: bool) -> tuple[int, list[DocumentPart]] | None:
        """A line without markup, up to the next one; a break that only wraps the line becomes a space."""
        text = self._text
        after_end = text.find("\n", at + 1)
        waiting = after_end < 0 and not whole and len(text) - at <= wrapping.SHORT_ENOUGH
        if waiting and not FIRST_WORD_KNOWN.compiled.match(text, at + 1):
            return (at, self._plain(position, at)) if at > position else None
        following = text[at + 1 : after_end if after_end >= 0 else len(text)]
        before = (self._before if not self._line_start else "") + text[position:at]
        between = None if NEXT_BLOCK.compiled.match(following) else wrapping.gap(before, following)
        parts = self._plain(position, at) if at > position else []
        if between is None:
            return at + 1, [*parts, DocumentPart(at, at + 1, "\n")]
        return at + 1, [*parts, DocumentPart(at, at + 1, between, "document.wrap")]

    def _paragraph(self, position: int, *, whole: bool) -> tuple[int, list[DocumentPart]] | None:
        """A paragraph that may hold markup: parsed where it surely does, else as it stands, with its wraps joined."""
        text = self._text
        quoted = text.startswith(">", position)
        end = line = position
        while True:
            stop = text.find("\n", line, position + LONGEST)
            if stop < 0:
                if len(text) - position < LONGEST:
                    if not whole:
                        return None
                    end = len(text)
                else:
                    end = max(line, position) if line > position else position + LONGEST
                break
            line = end = stop + 1
            if not whole and "\n" not in text[line:] and len(text[line:].lstrip(" \t")) < 8:
                return None
            if NEXT_BLOCK.compiled.match(text, line) or (text.startswith(">", line) and not quoted):
                break
        if self._is_markup(position, end):
            return end, self._markdown(position, end, strict=False)
        return end, self._lines(position, end)

    def _is_markup(self, position: int, end: int) -> bool:
        before = "" if self._line_start else self._text[position - 1] if position else self._before[-1:]
        written = before + self._text[position:end]  # no line starts in the middle of one
        readings = [(r.start, r.end) for r in inline_readings(written, log_mistakes=False)]
        for match in SURE.compiled.finditer(written):
            if not any(start <= match.start() < stop for start, stop in readings):
                return True
        if "&" in written and any(_decodes(m.group()) for m in ENTITY.compiled.finditer(written)):
            return True
        if "$" in written or "\\" in written:
            from vivace.text.documents import latex

            return any(latex.formula(m.group()) is not None for m in latex.CANDIDATE.finditer(written))
        return False

    def _markdown(self, position: int, end: int, *, strict: bool) -> list[DocumentPart]:
        from vivace.text.documents.markdown import markdown_parts

        language = self._language_at(_without_formulas(self._text[position:end]))
        parts = markdown_parts(
            self._text,
            position,
            end,
            self._options,
            language,
            strict=strict,
            line="" if self._line_start else self._before,
        )
        last = next((index for index in reversed(range(len(parts))) if parts[index].text), None)
        if last is not None and parts[last].text == "\n" and parts[last].start == parts[last].end:
            del parts[last]
        if self._text[end - 1] == "\n":
            parts.append(DocumentPart(end, end, "\n", "document.markdown"))
        return parts

    def _lines(self, position: int, end: int) -> list[DocumentPart]:
        """A paragraph without markup."""
        text = self._text
        parts: list[DocumentPart] = []
        before = self._before if not self._line_start else ""
        while position < end:
            stop = text.find("\n", position, end)
            stop = end if stop < 0 else stop
            if stop > position:
                parts.append(DocumentPart(position, stop, text[position:stop]))
            if stop < end:
                after = text.find("\n", stop + 1, end)
                following = text[stop + 1 : end if after < 0 else after]
                between = (
                    None
                    if NEXT_BLOCK.compiled.match(following)
                    else wrapping.gap(before + text[position:stop], following)
                )
                parts.append(
                    DocumentPart(
                        stop,
                        stop + 1,
                        "\n" if between is None else between,
                        None if between is None else "document.wrap",
                    )
                )
            position = stop + 1
            before = ""
        return parts

    def _strict_end(self, position: int, *, whole: bool) -> int | None:
        """The end of the next top-level block of a Markdown text: a blank line with no indented line after it."""
        text = self._text
        blank = TOP_LEVEL.compiled.search(text, position, position + LONGEST)
        fence = FENCE_BELOW.compiled.search(text, position, blank.end() if blank else position + LONGEST)
        if fence is not None:
            return fence.end()
        if blank is not None:
            return None if not whole and len(text) - blank.end() < 8 else blank.end()
        if len(text) - position >= LONGEST:
            cut = text.rfind("\n", position, position + LONGEST) + 1
            return cut if cut > position else position + LONGEST
        return len(text) if whole else None


def is_plain(text: str, options: DocumentOptions) -> bool:
    """Whether the plain text of a whole document is the document, told by its characters alone."""
    return options.emoji == "omit" and (
        options.format == "plain" or (options.format == "auto" and not SIGNS_OF_MARKUP.search(text))
    )


def _without_formulas(text: str) -> str:
    """The text without what looks like a formula: its letters tell no language."""
    if "$" not in text and "\\" not in text:
        return text
    from vivace.text.documents import latex

    return latex.CANDIDATE.sub(lambda formula: f" {''.join(NO_HAN.compiled.split(formula.group()))} ", text)


def _may_be_subtitles(beginning: str) -> bool:
    """Whether the first lines of subtitles may still come."""
    from vivace.text.documents import subtitles

    stripped = beginning.lstrip().lstrip("\ufeff")
    if not stripped:
        return True
    if stripped[0] == "[":
        return "\n" not in stripped and (
            ("]" not in stripped and len(stripped) < 24) or subtitles.MAY_BE_TAG.match(stripped) is not None
        )
    if stripped[0] == "W":
        return "WEBVTT".startswith(stripped[:6]) and len(stripped) < 8
    if not stripped[0].isdigit():
        return False
    lines = stripped.split("\n")
    if re.fullmatch(r"[0-9]{1,6}[ \t\r]*", lines[0]):
        return len(lines) < 2 or (len(lines) == 2 and re.fullmatch(r"[0-9:.,> \t\r-]{0,40}", lines[1]) is not None)
    return len(lines) == 1 and re.fullmatch(r"[0-9:.,> \t\r-]{0,40}", lines[0]) is not None


def _may_be_fence(beginning: str) -> bool:
    line = beginning.partition("\n")[0].lstrip()
    return "\n" not in beginning and (not line or (line[0] in "`~" and len(line) < 40))


def _harmless(sign: str, before: str, after: str) -> bool:
    """Whether a sign of emphasis opens nothing and closes nothing, by the characters around it."""
    if sign == "_":
        return before.isalnum() and after.isalnum()
    return sign == "*" and before.isspace() and after.isspace()


def _decodes(entity: str) -> bool:
    from html import unescape

    return entity.endswith(";") and unescape(entity) != entity
