"""File names and paths: main.py, /usr/bin/env, C:\\Windows."""

import re

from vivace.text.en.number import spell
from vivace.text.rule import Rule

ENDINGS = (
    "txt|py|js|ts|jsx|tsx|html?|css|json|ya?ml|xml|csv|tsv|md|pdf|docx?|xlsx?|pptx?|jpe?g|png|gif|svg|mp3|mp4|wav|flac"
    "|ogg|zip|gz|tar|exe|dll|sh|bat|cpp|java|log|ini|cfg|toml|sql|ipynb|bin|iso|apk|dmg"
)
SIGNS = {".": "dot", "/": "slash", "\\": "backslash", "_": "underscore", "-": "dash", ":": "colon", "~": "tilde"}
PARTS = re.compile(r"[A-Za-z]+|[0-9]+|[./\\_:~-]")


def _read(m: re.Match[str]) -> str:
    parts = PARTS.findall(m.group())
    return f" {' '.join(SIGNS.get(p) or (spell(p) if p.isdigit() else p) for p in parts)} "


RULES = (
    Rule("path.windows", re.compile(r"(?<![A-Za-z0-9])[A-Z]:(?:\\[A-Za-z0-9_.-]{1,60}){1,20}(?<![.-])"), _read),
    Rule("path.unix", re.compile(r"(?<![A-Za-z0-9/.:<])~?(?:/[A-Za-z0-9_.-]{1,60}){2,20}(?<![.-])/?"), _read),
    Rule(
        "path.file",
        re.compile(
            rf"(?<![A-Za-z0-9@./_-])[A-Za-z0-9_-]{{1,60}}(?:\.[A-Za-z0-9_-]{{1,30}}){{0,3}}\.(?:{ENDINGS})(?![A-Za-z0-9])"
        ),
        _read,
    ),
)
