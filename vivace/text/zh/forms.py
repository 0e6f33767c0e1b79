"""Written forms that several Chinese rules share, as regular expressions."""

from vivace.text.tables import alternatives, rows

NUMERAL = r"(?:[0-9]{1,3}(?:[,，][0-9]{3}){1,6}(?![0-9])|[0-9]+)(?:\.[0-9]+)?"  # 12 · 1,234 · 3.50
SIGN = r"(?:(?<![0-9A-Za-z)）])[-−])?"  # a minus sign, not the hyphen of GPT-4 or of 3-5
TO = r"\s*(?:[-–—−~～]+|至|到)\s*"  # between the ends of a range
COUNTED = alternatives([row[0] for row in rows("zh_counted")])  # 2 is 两 before these
