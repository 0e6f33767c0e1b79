"""Thousands grouped by spaces, as in 25 000 km: one number for every rule of both languages."""

import re

from vivace.text.aligned import Aligned, Edit

FIXED = "\u00a0\u2007\u2009\u202f"  # spaces that no line break may part: between digits they surely group
SPACE = f"[ {FIXED}]"
GROUPED = re.compile(
    rf"(?<![0-9A-Za-z.,:/+#*()-])(?<![0-9]{SPACE})[1-9][0-9]{{0,2}}(?:{SPACE}[0-9]{{3}}){{1,5}}"
    rf"(?![0-9A-Za-z]|[,:/-][0-9]|\.[0-9]{{3}}|{SPACE}[0-9])"
)
CANDIDATE = re.compile(rf"[0-9]{SPACE}[0-9]{{3}}")
SPACES = re.compile(SPACE)
# Behind one group of digits, what shows that both are one number: a unit, a currency, a plural, 千 or 公里.
COUNTED = re.compile(
    r"\s?(?:[%‰€£$￥₹₽₩°℃]|(?:[kcmdμ]?m|[kmμ]?g|[cmdk]?[lL]|t|s|h|ha|ft|lbs?|oz|mi|mph|rpm|[KMGT]B|[kMG]?Hz|[kMG]?W|k?V|k?J"
    r"|k?Pa|k?cal|km/h|[kcm]?m[²³])(?![A-Za-z0-9])|[\u4e00-\u9fff])"
    r"|\s(?!(?:is|was|has|does|as|us|this|its|plus|vs|always)\b)(?:[a-z]{2,20}s|people|men|women|children|fish|sheep|feet)\b"
    r"|\s(?:EUR|USD|GBP|CHF|JPY|CNY|RMB)\b"
)
PRICED = re.compile(r"[$€£￥₹₽₩]\s?$")


def grouped(written: Aligned) -> Aligned:
    """``written`` with commas in place of the spaces that group digits; where they may not group, as it was."""
    text = written.text
    spaced = " " in text or "\u00a0" in text or "\u202f" in text or "\u2009" in text or "\u2007" in text
    if not spaced or not CANDIDATE.search(text):
        return written
    edits: list[Edit] = []
    for match in GROUPED.finditer(text):
        digits = match.group()
        spaces = list(SPACES.finditer(digits))
        sure = len(spaces) > 1 or digits.endswith("000") or any(s.group() in FIXED for s in spaces)
        before = PRICED.search(text, max(0, match.start() - 2), match.start())
        if sure or before or COUNTED.match(text, match.end()):
            edits += [Edit(match.start() + s.start(), match.start() + s.end(), ",") for s in spaces]
    return written.replace(edits)
