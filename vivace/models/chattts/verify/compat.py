"""The reference's own text handling, defects included, to compare with it to the letter.

Nothing on the normal path uses this: Vivace's text stage says numbers, keeps every tag and cuts at every sentence end.
``vivace verify`` holds it against recorded outputs. Source: sections 17 and 19.1 of the ChatTTS facts.
"""

import re
from collections.abc import Callable, Mapping

TAG = re.compile(r"\[[\w_]+\]")
VALID = re.compile(r"[\u4e00-\u9fffA-Za-z，。、,. ]")
LATIN_WORD = re.compile(r"\b[A-Za-z]+\b")
IDEOGRAPH = re.compile(r"[\u4e00-\u9fff]")

FULL_WIDTH = dict(
    zip("!\"'#$%&(),-*+./:;<=>?@\\^`{|}~", "！“‘＃＄％＆（），－＊＋。／：；＜＝＞？＠＼＾｀｛｜｝～", strict=True)
)
SIMPLE = (
    dict.fromkeys("：；（）【】『』「」《》－", "，")
    | dict.fromkeys("！", "。")
    | dict.fromkeys(":;()><-", ",")
    | dict.fromkeys("!", ".")
)

Normalizer = Callable[[str], str]


def detect_language(text: str) -> str:
    """``"zh"`` when there are more ideographs than Latin words, else ``"en"``."""
    return "zh" if len(IDEOGRAPH.findall(text)) > len(LATIN_WORD.findall(text)) else "en"


def split_tags(text: str) -> tuple[list[str], list[str]]:
    """Text pieces and the tags between them. A stray ``]`` adds an empty tag; an unclosed ``[`` loses the rest."""
    pieces, tags, current, inside = [], [], "", False
    for char in text:
        if char == "[":
            if not inside:
                pieces.append(current)
            current, inside = char, True
        elif char == "]":
            tags.append(current + char if inside else "")
            current, inside = "" if inside else current + char, False
        else:
            current += char
    if current and not inside:
        pieces.append(current)
    return pieces, tags


def join_tags(pieces: list[str], tags: list[str]) -> str:
    """Segment, tag, piece, tag …; tags beyond the last piece are lost."""
    return "".join(piece + (tags[i] if i < len(tags) else "") for i, piece in enumerate(pieces))


def normalize(
    text: str,
    *,
    homophones: Mapping[str, str],
    normalizers: Mapping[str, Normalizer] | None = None,
    do_text_normalization: bool = True,
    do_homophone_replacement: bool = True,
    lang: str | None = None,
) -> str:
    """``text`` as the reference normalizes it before its tokenizer.

    Raises: IndexError on an empty text with a registered normalizer, as the reference does.
    """
    if do_text_normalization:
        language = lang or detect_language(text)
        normalizer = (normalizers or {}).get(language)
        if normalizer is not None:
            pieces, tags = split_tags(text)
            if not pieces:
                raise IndexError("the reference cannot normalize an empty text")
            text = join_tags([normalizer(piece) for piece in pieces], tags)
        if language == "zh":
            text = "".join(FULL_WIDTH.get(c, c) for c in text)
    invalid = {c for c in TAG.sub("", text) if not VALID.match(c)}
    if invalid:
        text = "".join(SIMPLE.get(c, c) for c in text)
    if do_homophone_replacement:
        text = "".join(homophones.get(c, c) for c in text)
    if invalid:
        pieces, tags = split_tags(text)
        text = join_tags(["".join(c for c in piece if VALID.match(c)) for piece in pieces], tags)
    return text


def split_sentences(text: str) -> list[str]:
    """On line breaks where there are any, else after ``。`` and after ``.`` with white space."""
    if "\n" in text:
        return text.split("\n")
    return [part for part in re.split(r"(?<=。)|(?<=\.\s)", text) if part]
