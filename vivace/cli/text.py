"""``vivace text``: the text stage alone. One line in, one line out, in order; torch is never loaded."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vivace.types import LanguageChoice, TextFormat, Word

if TYPE_CHECKING:
    from vivace.text import Lexicon

app = typer.Typer(help="Normalize text, or convert it to phones.", rich_markup_mode=None)

Texts = Annotated[list[str] | None, typer.Argument(metavar="[TEXT]...", help="Texts. Default: the lines of stdin.")]
Language = Annotated[LanguageChoice, typer.Option("--language", "-l", help="Language of the text.")]
Format = Annotated[
    TextFormat, typer.Option("--text-format", help="Format of the text. auto reads unmistakable markup.")
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on a line, with spans of the written text.")
]


LexiconFile = Annotated[
    Path | None,
    typer.Option("--lexicon", help="File of your own readings: a word, a tab, then pinyin, ARPAbet or other words."),
]
NoDictionary = Annotated[bool, typer.Option("--no-dictionary", help="Read English words with the model only.")]


Explain = Annotated[
    bool, typer.Option("--explain", help="Per span of the text: the rule, words and phones, or why it says nothing.")
]


@app.command()
def normalize(
    texts: Texts = None,
    language: Language = "auto",
    lexicon: LexiconFile = None,
    text_format: Format = "auto",
    explain: Explain = False,
    as_json: AsJson = False,
) -> None:
    """Write numbers, dates, units and abbreviations in words."""
    reading = _Reading(language, _lexicon(lexicon), text_format)
    if explain:
        _each_line(texts, reading.explained_as_json if as_json else reading.explained, one_line=as_json)
        return
    _each_line(texts, reading.as_json if as_json else reading.normalized)


@app.command()
def phones(
    texts: Texts = None,
    language: Language = "auto",
    lexicon: LexiconFile = None,
    text_format: Format = "auto",
    no_dictionary: NoDictionary = False,
    as_json: AsJson = False,
) -> None:
    """Convert text to phones: ARPAbet for English, pinyin with tone digits for Chinese."""
    reading = _Reading(language, _lexicon(lexicon), text_format, dictionary=not no_dictionary)
    _each_line(texts, reading.as_json if as_json else reading.phones)


@dataclass(frozen=True)
class _Reading:
    """The options of a command, and what it makes of a line."""

    language: LanguageChoice
    lexicon: "Lexicon | None"
    format: TextFormat = "auto"
    dictionary: bool = True

    def words(self, line: str) -> tuple[Word, ...]:
        from vivace.text import phones

        return phones(line, self.language, lexicon=self.lexicon, dictionary=self.dictionary, format=self.format)

    def normalized(self, line: str) -> str:
        from vivace.text import normalize

        return normalize(line, self.language, lexicon=self.lexicon, format=self.format)

    def phones(self, line: str) -> str:
        return " ".join(phone for word in self.words(line) for phone in word.phones)

    def explained(self, line: str) -> str:
        """The spoken form, and a line per span: as written, its rules, words and phones, or why it says nothing."""
        from vivace.text import explain

        found = explain(line, self.language, lexicon=self.lexicon, format=self.format)
        rows = [found.spoken]
        for span in found.spans:
            phones = " ".join(phone for word in span.words for phone in word.phones)
            said = f"- {span.left_out}" if span.left_out else f"{span.spoken}\t{phones}"
            rows.append(f"  {json.dumps(span.written, ensure_ascii=False)}\t{'+'.join(span.rules) or 'word'}\t{said}")
        return "\n".join(rows)

    def explained_as_json(self, line: str) -> str:
        from vivace.text import explain

        found = explain(line, self.language, lexicon=self.lexicon, format=self.format)
        spans = [{**asdict(span), "spoken": span.spoken} for span in found.spans]
        return json.dumps({"text": line, "spoken": found.spoken, "spans": spans}, ensure_ascii=_is_broken(line))

    def as_json(self, line: str) -> str:
        spoken = self.normalized(line)
        words = [asdict(word) for word in self.words(line)]
        return json.dumps({"text": line, "spoken": spoken, "words": words}, ensure_ascii=_is_broken(line))


def _is_broken(line: str) -> bool:
    """Whether bytes of an argument were no UTF-8: JSON escapes them."""
    return any("\ud800" <= char <= "\udfff" for char in line)


def _lexicon(file: Path | None) -> "Lexicon | None":
    from vivace.text import Lexicon

    return None if file is None else Lexicon.load(file)


def _each_line(texts: list[str] | None, convert: Callable[[str], str], *, one_line: bool = True) -> None:
    """Print one line per text, whatever the text holds: readers pair lines by number."""
    failed = False
    for number, line in enumerate(_lines(texts), start=1):
        if line is None:
            failed = True
            sys.stderr.write(
                f"error: line {number} is not UTF-8, an empty line stands for it; save the text as UTF-8\n"
            )
        said = convert(line or "")
        sys.stdout.write((" ".join(said.splitlines()) if one_line else said) + "\n")
        sys.stdout.flush()
    if failed:
        raise typer.Exit(2)


def _lines(texts: list[str] | None) -> Iterator[str | None]:
    """The texts, or the lines of stdin; None for a line that is not UTF-8. Only a line feed ends a line."""
    if texts:
        yield from texts
        return
    for number, raw in enumerate(sys.stdin.buffer):
        try:
            yield raw.decode("utf-8-sig" if number == 0 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            yield None
