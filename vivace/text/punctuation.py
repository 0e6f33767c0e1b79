"""Marks of both scripts, and the pauses they stand for."""

# Every mark that is a pause -> the one of the six that is spoken. What is in neither table says nothing.
PAUSES = {
    "，": ",", "、": ",", ",": ",", "。": ".", ".": ".", "．": ".", "｡": ".", "？": "?", "?": "?", "！": "!", "!": "!",
    "；": ";", ";": ";", "：": ":", ":": ":", "…": ",", "—": ",", "–": ",", "（": ",", "）": ",", "(": ",", ")": ",",
    "[": ",", "]": ",", "{": ",", "}": ",", "【": ",", "】": ",", "〔": ",", "〕": ",", "|": ",", "•": ",", "/": ",",
    "-": ",", "~": ",", "\\": ",", "।": ".", "؟": "?", "،": ",", "؛": ";", "､": ",",
}  # fmt: skip
TERMINATORS = frozenset(".?!")
CLOSERS = frozenset("”’\"'」』》〉）)]】〕}")
BRACKETS = frozenset("（）()[]{}【】〔〕")  # a pause inside a sentence, nothing at its end
FULL_WIDTH = {",": "，", ".": "。", "?": "？", "!": "！", ";": "；", ":": "："}
STRENGTH = {"": 0, ",": 1, ":": 2, ";": 3, ".": 4, "!": 5, "?": 6}


def stronger(a: str, b: str) -> str:
    """Of two marks side by side the one that is kept: ``?`` over ``!`` over ``.`` over ``;`` over ``:`` over ``,``."""
    return a if STRENGTH[a] >= STRENGTH[b] else b
