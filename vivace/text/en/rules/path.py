"""File names and paths: main.py, /usr/bin/env, C:\\Windows."""

import re

from vivace.text.electronic import SOUNDS
from vivace.text.en.number import spell
from vivace.text.rule import Deferred, Rule

ENDINGS = (
    "txt|py|js|ts|jsx|tsx|html?|css|json|ya?ml|xml|csv|tsv|md|pdf|docx?|xlsx?|pptx?|jpe?g|png|gif|svg|mp3|mp4|wav|flac"
    "|ogg|zip|gz|tar|exe|dll|sh|bat|cpp|java|log|ini|cfg|toml|sql|ipynb|bin|iso|apk|dmg"
)
SIGNS = {".": "dot", "/": "slash", "\\": "backslash", "_": "underscore", "-": "dash", ":": "colon", "~": "tilde"}
HIDDEN = r"(?=[a-z][A-Za-z0-9_-]{1,30}\b|[A-Z]{2,6}\b)"  # .gitignore, .NET
PARTS = re.compile(r"[A-Za-z]+|[0-9]+|[./\\_:~-]")


def _read(m: re.Match[str]) -> str:
    parts = PARTS.findall(m.group())
    return f" {' '.join(SIGNS.get(p) or (spell(p) if p.isdigit() else p) for p in parts)} "


COMMAND = re.compile(
    r"\b(?:ls|cd|rm|cp|mv|cat|grep|sed|awk|tar|curl|wget|git|pip|pip3|npm|npx|yarn|docker|podman|kubectl|python|python3|node|go"
    r"|cargo|make|ssh|scp|rsync|chmod|chown|sudo|apt|apt-get|brew|find|ffmpeg|pytest|ruff|mypy|bash|sh|man|echo|kill|ps|df|du"
    r"|systemctl|vivace|tests?/\S{1,60}|\S{1,60}\.(?:py|sh|exe|js))\b[^.!?\n]{0,80}$"
)
SEGMENT = r"[A-Za-z0-9_.-]{1,60}"


def _option(m: re.Match[str]) -> str | None:
    """The dashes of a command's option: git commit -m; a dash of prose is a pause."""
    if not COMMAND.search(m.string, max(0, m.start() - 120), m.start()):
        return None
    return " dash" * len(m["dashes"]) + " "


def _color(m: re.Match[str]) -> str | None:
    """#ff8800, but not the tag #decade nor the issue #123456."""
    code = m["n"]
    if code.isalpha() and len(set(code.lower())) > 1:
        return None
    if code.isdigit() and len(set(code)) > 1:
        return None
    return "hash " + " ".join(spell(c) if c.isdigit() else c.upper() for c in code)


RULES = (
    SOUNDS,
    Rule(
        "path.windows",
        Deferred(r"(?<![A-Za-z0-9])[A-Z]:(?:\\[A-Za-z0-9_.-]{1,60}){1,20}(?<![.-])"),
        _read,
        needs=(":\\",),
    ),
    Rule("path.home", Deferred(rf"(?<![A-Za-z0-9/.~])~(?:/{SEGMENT}){{1,20}}(?<![.-])/?"), _read, needs=("~/",)),
    Rule(
        "path.unix",
        Deferred(r"(?<![A-Za-z0-9/.:<])~?(?:/[A-Za-z0-9_.-]{1,60}){2,20}(?<![.-])/?"),
        _read,
        needs=("/",),
    ),
    Rule(
        "path.top",  # /etc, but not he /she
        Deferred(
            r"(?:(?<=[\s\"'`“‘(=])|(?<![^\n]))/(?!(?:or|and|she|he|her|his|they)\b)[A-Za-z_][A-Za-z0-9_.-]{1,60}(?<![.-])/?"
        ),
        _read,
        needs=("/",),
    ),
    Rule(
        "path.here",
        Deferred(rf"(?<![A-Za-z0-9/.:<])\.{{1,2}}(?:/{SEGMENT}){{1,20}}(?<![.-])/?"),
        _read,
        needs=("./",),
    ),
    Rule(
        "path.relative",
        Deferred(
            rf"(?<![A-Za-z0-9/.:@<_-])(?:{SEGMENT}/){{1,20}}[A-Za-z0-9_-]{{0,60}}(?:\.[A-Za-z0-9_-]{{1,30}}){{0,3}}\.(?:{ENDINGS})(?![A-Za-z0-9])"
        ),
        _read,
        needs=("/",),
    ),
    Rule(
        "path.file",
        Deferred(
            rf"(?<![A-Za-z0-9@./_-])[A-Za-z0-9_-]{{1,60}}(?:\.[A-Za-z0-9_-]{{1,30}}){{0,3}}\.(?:{ENDINGS})(?![A-Za-z0-9])"
        ),
        _read,
        needs=(".",),
    ),
    Rule(
        "path.dotted",  # os.path.join, np.array(
        Deferred(
            r"(?<![A-Za-z0-9.@/_])[a-z_][a-z0-9_]{1,40}(?:(?:\.[a-z_][a-z0-9_]{1,40}){2,6}(?![A-Za-z0-9.@])"
            r"|\.[a-z_][A-Za-z0-9_]{0,40}(?=\())"
        ),
        _read,
        needs=(".",),
    ),
    Rule(
        "path.dot",
        Deferred(rf"(?<=[\s\"'`“‘(])\.{HIDDEN}"),
        lambda _: "dot ",
        needs=(" .", "\n.", '".', "'.", "`.", "“.", "‘.", "(."),
    ),
    Rule("path.dot_first", Deferred(rf"\A\.{HIDDEN}"), lambda _: "dot ", needs=(".",)),
    Rule("path.option", Deferred(r"\s(?P<dashes>-{1,2})(?=[A-Za-z])"), _option, needs=(" -",)),
    Rule(
        "path.color",
        Deferred(r"#(?P<n>[0-9A-Fa-f]{8}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{3})(?![0-9A-Za-z])"),
        _color,
        needs=("#",),
    ),
    Rule("path.both", Deferred(r"\s?&&\s?"), lambda _: " and ", needs=("&&",)),
    Rule("path.either", Deferred(r"\s?\|\|\s?"), lambda _: " or ", needs=("||",)),
)
