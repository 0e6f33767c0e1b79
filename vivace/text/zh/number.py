"""Readings of numerals in Chinese."""

DIGITS = "零一二三四五六七八九"
GROUPS = ("", "万", "亿", "万亿", "亿亿")
GROUPING = str.maketrans("", "", ",， ")  # what stands between groups of three digits
MAX_DIGITS = 16  # more than this is a code, read digit by digit


def spell(numeral: str, *, telephone: bool = False) -> str:
    """Digit by digit, anything else dropped: ``"2026"`` -> 二零二六; in a ``telephone`` number 1 is 幺."""
    read = "".join(DIGITS[int(c)] for c in numeral if c in "0123456789")
    return read.replace("一", "幺") if telephone else read


def cardinal(numeral: str) -> str:
    """A whole number: ``"12,205"`` -> 一万两千二百零五. Too long for a count, or led by zeros: digit by digit."""
    numeral = numeral.translate(GROUPING)
    if len(numeral) > MAX_DIGITS or (len(numeral) > 1 and numeral.startswith("0")):
        return spell(numeral)
    value = int(numeral)
    if value == 0:
        return "零"
    groups: list[int] = []
    while value:
        value, group = divmod(value, 10_000)
        groups.append(group)
    out = ""
    for i in range(len(groups) - 1, -1, -1):
        group = groups[i]
        if group == 0:
            continue
        higher = i < len(groups) - 1
        if higher and (group < 1000 or groups[i + 1] == 0):
            out += "零"
        out += ("两" if group == 2 and i > 0 else _group(group)) + GROUPS[i]
    return out.removeprefix("一") if out.startswith("一十") else out


def _group(value: int) -> str:
    """1 to 9999: 两 before 百 only at the head of the number's group, and before 千; 二 before 十 and at the end."""
    out = ""
    zero = False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, value = divmod(value, unit)
        if digit == 0:
            zero = bool(out)
            continue
        if zero:
            out += "零"
            zero = False
        out += ("两" if digit == 2 and unit >= 100 and (unit == 1000 or not out) else DIGITS[digit]) + name
    return out


def number(numeral: str) -> str:
    """A signed number, whole or with a decimal point: ``"-21.50"`` -> 负二十一点五零; ``".45"`` -> 零点四五."""
    sign = ""
    if numeral[:1] in "-+−－":
        sign = "正" if numeral[0] == "+" else "负"
        numeral = numeral[1:]
    whole, point, fraction = numeral.partition(".")
    read = cardinal(whole) if whole else "零"
    return sign + read + ("点" + spell(fraction) if point and fraction else "")


def amount(numeral: str) -> str:
    """A number in front of a unit: trailing zeros go (``"18.50"`` -> 十八点五), and a lone 2 is 两."""
    numeral = numeral.translate(GROUPING)
    if "." in numeral:
        numeral = numeral.rstrip("0").rstrip(".") or "0"
    return "两" if numeral == "2" else number(numeral)


def year(numeral: str) -> str:
    """A year, digit by digit: 二零二六."""
    return spell(numeral)
