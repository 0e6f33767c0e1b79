"""The text stage over HTTP: how a text is read, span by span. No model is used."""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from vivace.errors import TextTooLongError
from vivace.pipeline.options import document_options
from vivace.serve.api import Api
from vivace.serve.schemas import ERRORS, Language, language_of
from vivace.serve.service import Served
from vivace.text import Explanation, Lexicon, explain
from vivace.types import TextFormat, WordKind

router = APIRouter(tags=["text"], responses=ERRORS)
API = Api(router)


class WordObject(BaseModel):
    """A spoken word, a mark or a tag."""

    text: str = Field(description="The word as it is spoken.")
    kind: WordKind = Field(description="The language of the word, or punct, or tag.")
    phones: tuple[str, ...] = Field(
        description="The phones: pinyin, Jyutping, ARPAbet; a mark or tag stands for itself."
    )


class SpanObject(BaseModel):
    """A span of the text and how it is spoken."""

    start: int = Field(description="The start of the span, in characters of the text.")
    end: int = Field(description="The end of the span.")
    written: str = Field(description="The text of the span.")
    rules: tuple[str, ...] = Field(description="The rules that read it, in order; empty for words as written.")
    spoken: str = Field(description="The words of the span; empty if it is left out.")
    words: list[WordObject] = Field(description="The words, marks and tags with their phones.")
    left_out: str | None = Field(description="The reason for leaving it out; null if it is spoken.")


class ExplanationObject(BaseModel):
    """The reading of a text, span by span."""

    object: Literal["text.explanation"] = Field(default="text.explanation", description="Always text.explanation.")
    text: str = Field(description="The text.")
    spoken: str = Field(description="The spoken form of the whole text.")
    spans: list[SpanObject] = Field(description="The spans, in order; only spaces and line breaks are in none.")


@router.get("/v1/text/explain", summary="Explain the reading of a text", response_description="The spans of the text.")
async def explain_text(
    service: Served,
    input: Annotated[str, Query(min_length=1, description="The text.")],
    language: Annotated[Language, Query(description="The language of the text.")] = "auto",
    text_format: Annotated[
        TextFormat | None, Query(description="The format of the text. Default: that of the server.")
    ] = None,
) -> ExplanationObject:
    """Show the rules, words and phones of every span of a text, or the reason for leaving it out."""
    limit = service.config.server.max_input_chars
    if len(input) > limit:
        raise TextTooLongError(f"the text has {len(input)} characters, the limit is {limit}; send it in parts")
    config = service.config.text
    lexicon = _lexicon(config.lexicon) if config.lexicon else None
    document = document_options(config, text_format)

    def explained() -> Explanation:
        return explain(input, language_of(language) or "auto", lexicon=lexicon, format=document)

    found = await service.in_text_thread(len(input), explained)
    return ExplanationObject(
        text=input,
        spoken=found.spoken,
        spans=[
            SpanObject(
                start=span.start,
                end=span.end,
                written=span.written,
                rules=span.rules,
                spoken=span.spoken,
                words=[WordObject(text=word.text, kind=word.kind, phones=word.phones) for word in span.words],
                left_out=span.left_out,
            )
            for span in found.spans
        ],
    )


@lru_cache(maxsize=1)
def _lexicon(path: Path) -> Lexicon:
    return Lexicon.load(path)
