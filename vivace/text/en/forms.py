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
MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec)\b\.?)"
)
MONTH_NAMES = tuple(dict.fromkeys(MONTHS.values()))


def month_name(written: str) -> str:
    """``"Sept."`` -> September."""
    return MONTHS[written.rstrip(".").lower()[:3]]
