"""Readings of numerals in English, American style: no "and" inside a number."""

ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS = ["_", "_", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
GROUPS = ("", " thousand", " million", " billion", " trillion", " quadrillion")
ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
MAX_DIGITS = 18  # more than this is a code, read digit by digit


def spell(numeral: str) -> str:
    """Digit by digit, anything else dropped: ``"007"`` -> zero zero seven."""
    return " ".join(ONES[int(c)] for c in numeral if c in "0123456789")


def cardinal(numeral: str) -> str:
    """A whole number: ``"1,205"`` -> one thousand two hundred five. Too long for a count: digit by digit."""
    numeral = numeral.replace(",", "")
    if len(numeral) > MAX_DIGITS or (len(numeral) > 1 and numeral.startswith("0")):
        return spell(numeral)
    value = int(numeral)
    if value == 0:
        return ONES[0]
    out: list[str] = []
    for name in GROUPS:
        value, group = divmod(value, 1000)
        if group:
            out.insert(0, _below_thousand(group) + name)
    return " ".join(out)


def _below_thousand(value: int) -> str:
    hundreds, rest = divmod(value, 100)
    words = [f"{ONES[hundreds]} hundred"] if hundreds else []
    if rest >= 20:
        words.append(TENS[rest // 10] + (f" {ONES[rest % 10]}" if rest % 10 else ""))
    elif rest:
        words.append(ONES[rest])
    return " ".join(words)


def ordinal(numeral: str) -> str:
    """``"21"`` -> twenty first."""
    head, _, last = cardinal(numeral).rpartition(" ")
    last = ORDINALS.get(last) or (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")
    return f"{head} {last}".strip()


def number(numeral: str) -> str:
    """A signed number, whole or decimal: ``"-21.50"`` -> minus twenty one point five zero."""
    sign = ""
    if numeral[:1] in ("-", "+"):
        sign = "plus " if numeral[0] == "+" else "minus "
        numeral = numeral[1:]
    whole, point, fraction = numeral.partition(".")
    read = cardinal(whole) if whole else ""
    return sign + (f"{read} point {spell(fraction)}".strip() if point and fraction else read)


def year(numeral: str) -> str:
    """Four digits: twenty twenty four, nineteen oh five, nineteen hundred, two thousand five; else a cardinal."""
    if len(numeral) != 4 or numeral.startswith("0"):
        return cardinal(numeral)
    century, rest = numeral[:2], numeral[2:]
    if numeral[1:3] == "00":
        return cardinal(numeral)
    if rest == "00":
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' + ONES[int(rest)] if rest[0] == '0' else cardinal(rest)}"


def plural(words: str) -> str:
    """The last word in the plural: seventies, nineteen hundreds, sixes."""
    if words.endswith("y"):
        return f"{words[:-1]}ies"
    return words + ("es" if words.endswith("x") else "s")
