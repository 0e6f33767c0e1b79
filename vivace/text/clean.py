"""The first pass: one form per character, one form for grouped thousands; invisible characters, emoji and faces go."""

import logging
import re
import unicodedata
from functools import lru_cache

from vivace.text.aligned import Aligned, Edit, Note
from vivace.text.rule import Deferred

log = logging.getLogger(__name__)

# Folding these would lose what the rules and the pauses read: full-width marks, superscripts, unit signs, the ellipsis.
KEPT = frozenset("，。！？；：（）、…—–·“”‘’「」『』《》〈〉【】〔〕￥²³℃℉㎡″×÷±≈≠≥≤°√△↑↓↔♭♮♯")
EXPANDED = {
    "½": " 1/2", "¼": " 1/4", "¾": " 3/4", "⅓": " 1/3", "⅔": " 2/3", "⅛": " 1/8", "№": "No.", "™": "", "®": "",
    "©": "", "µ": "μ", "⁄": "/", "′": "'", "‐": "-", "‑": "-", "‒": "–", "―": "—", "﹣": "-", "－": "-", "−": "-",
    "〜": "~", "～": "~", "∼": "~", "＇": "'", "＂": '"', "¥": "￥", "㎜": "mm", "㎝": "cm", "㎞": "km", "㎎": "mg",
    "㎏": "kg", "㏄": "cc", "㎥": "m³", "㎢": "km²", "㏎": "km", "º": "°", "\u3000": " ", "\u2028": "\n",
    "\u2029": "\n", "\x0b": " ", "\x0c": "\n", "\x85": "\n", "\r": "\n", "\t": " ", "〇": "零", "⁻": "^-",
    "➡": "→", "➔": "→", "➜": "→", "➝": "→", "➞": "→", "⮕": "→", "⬅": "←", "⬆": "↑", "⬇": "↓", "↗": "↑", "↘": "↓",
}  # fmt: skip
UNUSUAL = re.compile(r"[^ -~\n一-鿿，。！？；：（）、…—–“”‘’《》℃]")  # all but these are looked up
TERMINAL = Deferred(r"\x1b(?:\[[0-9;?]{0,20}[A-Za-z]|\][^\x07\x1b\n]{0,200}(?:\x07|\x1b\\))")  # colors and titles
SPACES = re.compile(r" {2,}")
# A letter and its accents; a kana and its voicing mark, also of half width.
MARKED = Deferred(r"[^\W\d_][\u0300-\u036f]+|[\u3041-\u30fe][\u3099\u309a]|[\uff66-\uff9d][\uff9e\uff9f]")
# ①② are two numbers: beside another one, or a digit, a mark keeps them apart.
ENCLOSED = frozenset(
    map(chr, (*range(0x2460, 0x249C), *range(0x24EA, 0x2500), *range(0x2776, 0x2794), *range(0x3220, 0x322A)))
)
INVISIBLE = frozenset(("Cc", "Cf"))  # control, format: dropped without a word
UNSPOKEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me"))  # control, format, surrogate, unassigned, marks


@lru_cache(maxsize=4096)
def fold(char: str) -> str:
    """The form of one character that the rules read; empty where it has none."""
    if char in EXPANDED:
        return EXPANDED[char]
    if char in KEPT or char == "\n":
        return char
    category = unicodedata.category(char)
    digit = unicodedata.digit(char, None)
    if digit is not None:  # of any script; also of ① and ₂
        return f"^{digit}" if unicodedata.decomposition(char).startswith("<super>") else str(digit)
    if category in UNSPOKEN or (category == "Sk" and ord(char) > 0xFFFF):  # Sk there: the skin tones of emoji
        return ""
    if "\u2776" <= char <= "\u2793":  # ❿ and its like have no decomposition
        return str(int(unicodedata.numeric(char)))
    if category == "So" and ord(char) > 0x2100:
        folded = unicodedata.normalize("NFKC", char)
        return folded if folded != char else ""
    if category.startswith("Z"):
        return " "
    return unicodedata.normalize("NFKC", char)


def clean(written: Aligned) -> Aligned:
    """``written`` with every character folded; what was dropped is logged."""
    if "\x1b" in written.text:
        written = written.replace(
            Edit(m.start(), m.end(), "", "clean.terminal") for m in TERMINAL.compiled.finditer(written.text)
        )
    text = written.text
    if not UNUSUAL.search(text) and "  " not in text and "_" not in text and "^" not in text:
        return written
    written = without_faces(written)
    composed = [
        Edit(m.start(), m.end(), _composed(m.group()), "clean.composed") for m in MARKED.compiled.finditer(written.text)
    ]
    folded = _folded(written.replace(composed))
    return folded.replace(Edit(m.start(), m.end(), " ", "clean.space") for m in SPACES.finditer(folded.text))


def _composed(letter: str) -> str:
    return unicodedata.normalize("NFC" if letter[0] < "\uff66" else "NFKC", letter)


def _folded(written: Aligned) -> Aligned:
    # Plain lists, not an Edit for each character: under half the time on random code points.
    text = written.text
    out: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    dropped: list[str] = []
    position = 0
    for match in UNUSUAL.finditer(text):
        at = match.start()
        char = match.group()
        if position < at:
            out.append(text[position:at])
            starts += written.starts[position:at]
            ends += written.ends[position:at]
        position = at + 1
        folded = fold(char)
        if char in ENCLOSED and at and (text[at - 1] in ENCLOSED or text[at - 1].isdecimal()):
            folded = f"、{folded}"
        if folded:
            out.append(folded)
            starts += [written.starts[at]] * len(folded)
            ends += [written.ends[at]] * len(folded)
        else:
            if written.notes is not None:
                written.notes.append(Note(written.starts[at], written.ends[at], "", "clean.unspoken"))
            if unicodedata.category(char) not in INVISIBLE:
                dropped.append(char)
    if dropped:
        log.info("dropped %d characters that cannot be spoken: %s", len(dropped), " ".join(map(ascii, dropped[:10])))
    if position == 0:
        return written
    out.append(text[position:])
    starts += written.starts[position:]
    ends += written.ends[position:]
    return Aligned("".join(out), starts, ends, notes=written.notes)


# A bracket holds a face if nothing in it is a letter or digit of a language we read, and one of its signs is of faces.
_NO_WORD = r"[^()（）\n\u4e00-\u9fffA-Za-z0-9]"
_OF_FACES = r"[\^_▽△∇□ωДд≧≦＾ﾟ゜･｡╥﹏⊙●◕‿✿๑◍ᴗ╯╰￣ﾉノ•̀•́°∀˘˙˚ಠಥ益ヮω]"
_ARM = r"[╯╰╭╮ノﾉヽヾ┻┸┳━─┬┴✧✦☆★♪♡ﾞ゛彡⌒∠ᕕᕗᕙᕤづ︵و]"
_EYES = r"[T;QOo><=^'`*-]"
_FACE = Deferred(
    rf"(?:(?<![A-Za-z])o)?{_ARM}{{0,4}}[(（](?={_NO_WORD}{{0,11}}{_OF_FACES}){_NO_WORD}{{3,12}}[)）]"
    rf"{_ARM}{{0,6}}(?:o(?![A-Za-z]))?[~～*]{{0,3}}(?: ?[︵┻━┸┳┬┴─]{{1,6}}){{0,3}}"
    r"|[\\ヽ]?[(（]\^[oO]\^[)）][/ノﾉ]?"
    rf"|[(（]{_EYES}{{1,2}}[_.wW^]{{1,3}}{_EYES}{{1,2}}[)）]"
    rf"|(?<![A-Za-z0-9_])(?:(?P<eye>[TQOo><;])_{{1,3}}(?:(?P=eye)|[<>])|[-=]_{{1,3}}[-=]|\^[_.oO-]{{0,2}}\^)(?![A-Za-z0-9_])"
)
_HINT = re.compile(_OF_FACES)


def without_faces(written: Aligned) -> Aligned:
    """``written`` without its faces."""
    if not _HINT.search(written.text):
        return written
    edits = [Edit(*m.span(), "", "clean.face") for m in _FACE.compiled.finditer(written.text)]
    return written.replace(edits) if edits else written


FIXED_SPACES = "\u00a0\u2007\u2009\u202f"  # spaces that no line break may part: between digits they surely group
GROUP_SPACE = f"[ {FIXED_SPACES}]"
GROUPED = Deferred(
    rf"(?<![0-9A-Za-z.,:/+#*()-])(?<![0-9]{GROUP_SPACE})[1-9][0-9]{{0,2}}(?:{GROUP_SPACE}[0-9]{{3}}){{1,5}}"
    rf"(?![0-9A-Za-z]|[,:/-][0-9]|\.[0-9]{{3}}|{GROUP_SPACE}[0-9])"
)
MAYBE_GROUPED = re.compile(rf"[0-9]{GROUP_SPACE}[0-9]{{3}}")
GROUP_SPACES = re.compile(GROUP_SPACE)
# Behind one group of digits, what shows that both are one number: a unit, a currency, a plural, 千 or 公里.
COUNTED = Deferred(
    r"\s?(?:[%‰€£$￥₹₽₩°℃]|(?:[kcmdμ]?m|[kmμ]?g|[cmdk]?[lL]|t|s|h|ha|ft|lbs?|oz|mi|mph|rpm|[KMGT]B|[kMG]?Hz|[kMG]?W|k?V|k?J"
    r"|k?Pa|k?cal|km/h|[kcm]?m[²³])(?![A-Za-z0-9])|[\u4e00-\u9fff])"
    r"|\s(?!(?:is|was|has|does|as|us|this|its|plus|vs|always)\b)(?:[a-z]{2,20}s|people|men|women|children|fish|sheep|feet)\b"
    r"|\s(?:EUR|USD|GBP|CHF|JPY|CNY|RMB)\b"
)
PRICED = Deferred(r"[$€£￥₹₽₩]\s?$")


def grouped(written: Aligned) -> Aligned:
    """``written`` with commas in place of the spaces that group digits; where they may not group, as it was."""
    text = written.text
    spaced = " " in text or "\u00a0" in text or "\u202f" in text or "\u2009" in text or "\u2007" in text
    if not spaced or not MAYBE_GROUPED.search(text):
        return written
    edits: list[Edit] = []
    for match in GROUPED.compiled.finditer(text):
        digits = match.group()
        spaces = list(GROUP_SPACES.finditer(digits))
        sure = len(spaces) > 1 or digits.endswith("000") or any(s.group() in FIXED_SPACES for s in spaces)
        before = PRICED.compiled.search(text, max(0, match.start() - 2), match.start())
        if sure or before or COUNTED.compiled.match(text, match.end()):
            edits += [Edit(match.start() + s.start(), match.start() + s.end(), ",", "clean.grouped") for s in spaces]
    return written.replace(edits)
