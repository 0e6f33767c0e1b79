"""Paths and file names in Chinese text: /etc, src/utils.py, ~/work, config.yaml, .NET."""

import re

from vivace.text.electronic import SOUNDS
from vivace.text.rule import Deferred, Rule
from vivace.text.tables import mapping
from vivace.text.zh.number import spell

ENDINGS = (
    "py|js|ts|jsx|tsx|json|ya?ml|toml|md|txt|csv|tsv|log|cfg|conf|ini|xml|html?|css|cpp|hpp|java|rs|go|kt|rb|php|sh|bat"
    "|exe|dll|so|zip|tar|gz|rar|7z|pdf|docx?|xlsx?|pptx?|png|jpe?g|gif|svg|mp[34]|wav|flac|avi|mov|mkv|apk|iso|sql|db"
    "|bin|lock|vue|swift|ipynb|whl|jar|env|NET|net|git|gitignore"
)
# Behind one of these a slash opens a path; behind another word it is 每 or "or": 元/kg.
OPENERS = r"(?:^|(?<=[\s在到看开改入是为的把和与从下往于名径：:“\"'（(、，`]))"
PARTS = re.compile(r"[A-Za-z]{1,400}|[0-9]|[^A-Za-z0-9]")
NAME = r"[A-Za-z0-9_.-]{1,60}"


def _read(m: re.Match[str]) -> str:
    signs = mapping("zh_signs")
    words = (spell(p) if p.isdigit() else signs.get(p, p) for p in PARTS.findall(m.group()))
    return f" {' '.join(words)} "


WORD_RULES = (
    SOUNDS,
    Rule(
        "path.absolute",
        Deferred(rf"{OPENERS}(?:~|\.{{1,2}})?(?:/(?=[A-Za-z_.]){NAME}){{1,12}}(?<![.-])/?"),
        _read,
        ("/",),
    ),
    Rule(
        "path.relative",
        Deferred(rf"(?<![A-Za-z0-9@./_-])(?:{NAME}/){{1,12}}{NAME}\.(?:{ENDINGS})(?![A-Za-z0-9])"),
        _read,
        ("/",),
    ),
    Rule(
        "path.file",
        Deferred(
            rf"(?<![A-Za-z0-9@./_-])(?=[A-Za-z_0-9.-]{{0,60}}[A-Za-z_])[A-Za-z0-9_-]{{1,60}}(?:\.[A-Za-z0-9_-]{{1,30}}){{0,3}}\.(?:{ENDINGS})(?![A-Za-z0-9])"
        ),
        _read,
        (".",),
    ),
    Rule("path.ending", Deferred(rf"(?<![A-Za-z0-9.…。])\.(?=(?:{ENDINGS})(?![A-Za-z0-9]))"), lambda _: "点 ", (".",)),
)
