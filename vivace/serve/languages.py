"""The names of languages in the APIs."""

import re
from typing import Annotated, get_args

from pydantic import Field

from vivace.errors import UnsupportedLanguageError
from vivace.types import LanguageChoice

# GPT-SoVITS: its codes, and the names of its older API.
NAMES = {
    "all_zh": "zh",
    "中文": "zh",
    "chinese": "zh",
    "英文": "en",
    "english": "en",
    "all_yue": "yue",
    "粤语": "yue",
    "all_ja": "ja",
    "日文": "ja",
    "all_ko": "ko",
    "韩文": "ko",
    "中英混合": "auto",
    "多语种混合": "auto",
    "粤英混合": "yue",
    "日英混合": "ja",
    "韩英混合": "ko",
    "多语种混合(粤语)": "auto_yue",
}


TAG = re.compile("[-_]")
TAGS = {"cmn": "zh", "chi": "zh", "zho": "zh", "eng": "en", "jpn": "ja", "jp": "ja"}  # ISO 639-3 and common mistakes
KNOWN = (*get_args(LanguageChoice), *(name for name, code in NAMES.items() if code in get_args(LanguageChoice)))
# Upper and lower case are equal; ``language_of`` checks the name, with its own error message.
Language = Annotated[str, Field(max_length=32, json_schema_extra={"enum": list(KNOWN)})]


def language_of(written: str | None) -> LanguageChoice | None:
    """The language of a name; None for an empty name. ``zh`` means Chinese with English in it, as in GPT-SoVITS.

    Raises: UnsupportedLanguageError.
    """
    if not written:
        return None
    wanted = written.strip().lower()
    wanted = NAMES.get(wanted, wanted)
    known: dict[str, LanguageChoice] = {choice: choice for choice in get_args(LanguageChoice)}
    if wanted not in known:  # a tag such as zh-CN, en_US or cmn-Hans: Cantonese where it names it, else its language
        parts = TAG.split(wanted)
        wanted = "yue" if parts[0] == "zh" and {"hk", "yue"} & set(parts) else TAGS.get(parts[0], parts[0])
    if wanted not in known:
        raise UnsupportedLanguageError(f"language {written[:32]!r} is not spoken; choose {', '.join(known)}")
    return known[wanted]
