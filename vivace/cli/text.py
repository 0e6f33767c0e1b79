"""``vivace text``: the text stage alone. One line in, one line out, in order; torch is never loaded."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer

from vivace.types import LanguageChoice

app = typer.Typer(help="Normalise text, or turn it into phones.", rich_markup_mode=None)

Texts = Annotated[list[str] | None, typer.Argument(metavar="[TEXT]...", help="Without one, lines from stdin.")]
Language = Annotated[LanguageChoice, typer.Option("--language", "-l", help="What the text is in.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line, with spans in the written text.")]


@app.command()
def normalize(texts: Texts = None, language: Language = "auto", as_json: AsJson = False) -> None:
    """Write numbers, dates, units and abbreviations as they are spoken."""
    from vivace.pipeline.front_end import normalize

    _each_line(texts, partial(_as_json if as_json else normalize, language=language))


@app.command()
def phones(texts: Texts = None, language: Language = "auto", as_json: AsJson = False) -> None:
    """Write the phones: ARPAbet for English, pinyin with tone digits for Chinese."""
    _each_line(texts, partial(_as_json if as_json else _phones, language=language))


def _phones(line: str, language: LanguageChoice) -> str:
    from vivace.pipeline.front_end import phones

    return " ".join(phone for word in phones(line, language) for phone in word.phones)


def _as_json(line: str, language: LanguageChoice) -> str:
    from vivace.pipeline.front_end import normalize, phones

    words = [asdict(word) for word in phones(line, language)]
    return json.dumps({"text": line, "spoken": normalize(line, language), "words": words}, ensure_ascii=False)


def _each_line(texts: list[str] | None, convert: Callable[[str], str]) -> None:
    """Print one line per text, whatever the text holds: readers pair lines by number."""
    failed = False
    for number, line in enumerate(_lines(texts), start=1):
        if line is None:
            failed = True
            sys.stderr.write(
                f"error: line {number} is not UTF-8, an empty line stands for it; save the text as UTF-8\n"
            )
        sys.stdout.write(" ".join(convert(line or "").splitlines()) + "\n")
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
