"""The sounds of English in ARPAbet, as the pronouncing dictionary writes them."""

VOWELS = frozenset(("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"))
CONSONANTS = frozenset((
    "B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N", "NG",
    "P", "R", "S", "SH", "T", "TH", "V", "W", "Y", "Z", "ZH",
))  # fmt: skip
STRESSED_VOWELS = frozenset(vowel + stress for vowel in VOWELS for stress in "012")
PHONES = STRESSED_VOWELS | CONSONANTS
