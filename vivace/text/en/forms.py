"""Written forms that several English rules share, as regular expressions."""

# 12 · 1,234 · 1,00,000 · 3.50
NUMERAL = (
    r"(?:[0-9]{1,3}(?:,[0-9]{3}){1,6}(?![0-9])|[0-9]{1,2}(?:,[0-9]{2}){1,4},[0-9]{3}(?![0-9])|[0-9]+)(?:\.[0-9]+)?"
)
# A minus sign, not the hyphen of GPT-4 or of 3-5; an en dash only where a number touches it and a space is before it.
SIGN = r"(?:(?<![0-9A-Za-z).])[-−]|(?<![^\s(\[=<>≤≥±:])–(?=[0-9.$€£￥]))?"
TO = r"\s*(?:[-–—~]|to|through)\s*"  # between the ends of a range
MONTHS = {
    "jan": "January", "feb": "February", "mar": "March", "apr": "April", "may": "May", "jun": "June", "jul": "July",
    "aug": "August", "sep": "September", "sept": "September", "oct": "October", "nov": "November", "dec": "December",
}  # fmt: skip
# In any case; "may" and "march" in small letters are verbs, unless a day and a year, or a word of time, is beside them.
MONTH = (
    r"(?:(?i:january|february|april|june|july|august|september|october|november|december)|March|MARCH|May|MAY"
    r"|(?i:jan|feb|apr|jun|jul|aug|sept|sep|oct|nov|dec)\b\.?|(?:Mar|MAR)\b\.?"
    r"|(?:(?<=\b(?:on|in|of|by)\s)|(?<=\bfrom\s)|(?<=\bsince\s)|(?<=\b(?:until|after)\s)|(?<=[0-9](?:st|nd|rd|th)\s))"
    r"(?:may|march|mar)\b\.?"
    r"|(?:may|march|mar)\b\.?(?=,?\s(?:[0-9]{1,2}(?:st|nd|rd|th)?,?\s)?(?:1[0-9]|20)[0-9]{2}(?![0-9]|\s[a-z]+s\b|\speople)))"
)
MONTH_NAMES = tuple(dict.fromkeys(MONTHS.values()))


def like(written: str, name: str) -> str:
    """``name`` in the case that an author wrote its short form in: OCT is OCTOBER."""
    letters = written.rstrip(".")
    return name.upper() if letters.isupper() and len(letters) > 1 else name.lower() if letters.islower() else name


def month_name(written: str) -> str:
    """``"Sept."`` -> September, ``"oct"`` -> october."""
    return like(written, MONTHS[written.rstrip(".").lower()[:3]])
