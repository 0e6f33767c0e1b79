"""The formats of a text, and the choices that go with them."""

from dataclasses import dataclass
from typing import Literal, get_args

from vivace.errors import InputError
from vivace.types import SpokenLanguage, TextFormat

CodeBlocks = Literal["name", "omit"]
EmojiChoice = Literal["omit", "name"]
CODE_BLOCK: dict[SpokenLanguage, str] = {"en": "code block", "zh": "代码块", "yue": "代码块", "ja": "コードブロック"}


@dataclass(frozen=True)
class DocumentOptions:
    """The format of a text, and the choices that go with it.

    ``auto`` reads Markdown, entities, tags, formulas and time codes where they are unmistakable, and joins lines that
    were only wrapped; ``plain`` takes every character as it stands.

    Raises:
        InputError: a value is none of its choices.
    """

    format: TextFormat = "auto"
    code_blocks: CodeBlocks = "name"  # "code block" is said in place of one, or nothing
    emoji: EmojiChoice = "omit"

    def __post_init__(self) -> None:
        for name, value, choices in (
            ("text format", self.format, get_args(TextFormat)),
            ("choice for code blocks", self.code_blocks, get_args(CodeBlocks)),
            ("choice for emoji", self.emoji, get_args(EmojiChoice)),
        ):
            if value not in choices:
                raise InputError(f"no {name} {value!r}; choose {', '.join(choices)}")

    @classmethod
    def of(cls, format: "TextFormat | DocumentOptions | None") -> "DocumentOptions":
        """Options for a format alone; None is ``auto``."""
        return format if isinstance(format, DocumentOptions) else cls(format or "auto")
