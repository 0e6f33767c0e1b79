"""Words that are in no dictionary: a temporary letter-by-letter reading."""


def phones(word: str) -> tuple[str, ...]:
    table = {
        "a": "AE1",
        "b": "B",
        "c": "K",
        "d": "D",
        "e": "EH1",
        "f": "F",
        "g": "G",
        "h": "HH",
        "i": "IH1",
        "j": "JH",
        "k": "K",
        "l": "L",
        "m": "M",
        "n": "N",
        "o": "AA1",
        "p": "P",
        "q": "K",
        "r": "R",
        "s": "S",
        "t": "T",
        "u": "AH1",
        "v": "V",
        "w": "W",
        "x": "K S",
        "y": "IY0",
        "z": "Z",
    }
    return tuple(p for c in word if c in table for p in table[c].split(" "))
