"""E-mail and web addresses, #tags, @names, words in phonetic signs: the same forms in both languages."""

import re
from collections.abc import Callable
from functools import partial

from vivace.text.rule import Deferred, Rule

LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62})"
TOP = (
    r"(?:com|org|net|edu|gov|io|ai|cn|uk|us|de|fr|jp|kr|eu|info|biz|dev|app|me|tv|cc|co|xyz|top|tech|site|online"
    r"|hk|tw|au|ca|ly|ru|nl|es|ch|se|pl|br|mx|gg|fm|nz|za|museum|mil|int|news|blog|store|shop|cloud|page|wiki|games"
    r"|(?:be|it|in|is|gl|to|st|sh|so|no)(?=/))"
)
DOMAIN = rf"(?:{LABEL}\.){{1,6}}{TOP}(?![A-Za-z0-9])"
EMAIL = re.compile(
    rf"(?<![A-Za-z0-9._%+-])[A-Za-z0-9][A-Za-z0-9._%+-]{{0,63}}@(?:{LABEL}\.){{1,6}}[A-Za-z]{{2,12}}(?![A-Za-z0-9])"
)
# Ends before the sentence's own punctuation: https://a.com/b. is read without its last point.
ADDRESS = re.compile(
    rf"(?<![A-Za-z0-9@._-])(?:(?:https?|ftp)://[A-Za-z0-9\[\]:._-]{{1,253}}|www\.[A-Za-z0-9._-]{{1,253}}|{DOMAIN})(?::[0-9]{{1,5}})?"
    r"(?:[/?#][A-Za-z0-9/?#&=%_.~+:,;@!$*()-]{0,2000}(?<![.,;:!?)]))?(?<![.:-])/?",
    re.IGNORECASE,
)
SCHEME = re.compile(r"(?:https?|ftp)://", re.IGNORECASE)
PARTS = re.compile(r"[A-Za-z]+|[0-9]|[^A-Za-z0-9]")


def _spoken(address: str, signs: dict[str, str], digit: Callable[[str], str]) -> str:
    words: list[str] = []
    for part in PARTS.findall(SCHEME.sub("", address).rstrip("/")):
        if part.isalpha():
            words.append("w w w" if part.lower() == "www" else part)
        elif part.isdigit():
            words.append(digit(part))
        elif part in signs:
            words.append(signs[part])
    return " ".join(words)


def rules(signs: dict[str, str], digit: Callable[[str], str]) -> tuple[Rule, ...]:
    """Rules for one language: ``signs`` gives the word for each sign, ``digit`` the word for one digit."""
    say = partial(_spoken, signs=signs, digit=digit)
    return (
        Rule("electronic.email", EMAIL, lambda m: f" {say(m.group())} ", needs=("@",)),
        Rule("electronic.address", ADDRESS, lambda m: f" {say(m.group())} ", needs=(".", "://")),
        Rule(
            "electronic.name",
            re.compile(r"(?<![A-Za-z0-9_@])@(?=[A-Za-z_])"),
            lambda m: f"{signs['@']} ",
            needs=("@",),
        ),
    )


# At least one sign that no spelling of English has, within the first forty.
_PHONETIC = r"[^/\s\[\]]{0,40}[\u0250-\u02af\u02b0-\u02ffæðŋœøθχβɡ]"
SOUNDS = Rule(
    "path.sounds",  # a word between slashes or brackets in the signs of the International Phonetic Association
    Deferred(
        rf"\s?(?:[(（]\s?)?(?:/(?={_PHONETIC})[^/\s\[\]()（）]{{1,60}}/|\[(?={_PHONETIC})[^/\[\]()（）]{{1,60}}\])(?:\s?[)）])?"
    ),
    lambda _: "",
    needs=("/", "["),
)
