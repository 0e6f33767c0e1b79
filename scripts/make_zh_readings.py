"""Derive ``vivace/text/data/zh_usual_readings.tsv.xz``: the readings of characters and phrases of pypinyin (MIT).

usage: python scripts/make_zh_readings.py [OUT]

First one line for every reading, ``reading<TAB>the characters whose first reading it is``, then an empty line, then one
line for every phrase, ``phrase<TAB>reading reading …``. Readings are TONE3 with a neutral 5.
"""

import lzma
import sys
from collections import defaultdict
from pathlib import Path

from pypinyin import Style, lazy_pinyin
from pypinyin.constants import PHRASES_DICT, PINYIN_DICT

OUT = Path(__file__).resolve().parents[1] / "vivace" / "text" / "data" / "zh_usual_readings.tsv.xz"


def readings(word: str) -> list[str]:
    """Of each character of a phrase, or of one character."""
    found = lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True, v_to_u=False, errors="exception")
    assert len(found) == len(word), f"{word!r} has other readings than characters"
    return list(found)


def main() -> None:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else OUT
    characters: defaultdict[str, list[str]] = defaultdict(list)
    for char in map(chr, sorted(PINYIN_DICT)):
        characters[readings(char)[0]].append(char)
    lines = [f"{reading}\t{''.join(chars)}" for reading, chars in sorted(characters.items())]
    phrases = [f"{phrase}\t{' '.join(readings(phrase))}" for phrase in sorted(PHRASES_DICT)]
    raw = "\n".join((*lines, "", *phrases)).encode()
    out.write_bytes(lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME))
    print(f"{len(lines)} readings of {len(PINYIN_DICT)} characters, {len(phrases)} phrases: {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
