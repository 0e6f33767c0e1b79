"""Derive ``vivace/text/data/zh_words.tsv.xz``, the word list that Chinese segmentation uses, from jieba's dictionary.

usage: python scripts/make_zh_words.py PATH/TO/jieba/dict.txt [OUT]

The source is ``dict.txt`` of github.com/fxsjy/jieba (MIT), also inside the PyPI package ``jieba``. Kept: words of Han
characters up to four long that occur often enough to matter, as ``word<TAB>weight``; weight is round(10 * ln(count)).
"""

import lzma
import math
import os
import re
import sys
from pathlib import Path

OUT = Path(__file__).resolve().parents[1] / "vivace" / "text" / "data" / "zh_words.tsv.xz"
HAN = re.compile(r"[\u4e00-\u9fff]+")
MAX_CHARS = 4
MIN_COUNT = {1: 1, 2: 12, 3: 20, 4: 30}  # by length
# Counts and numbers are made by rule; as words they would hide 一's tone from its neighbors.
NUMBERS = re.compile(r"[零一二三四五六七八九十百千万亿两几]+[年月日号个只条次岁点分元块]?|第.*")


def derive(source: str) -> list[tuple[str, int]]:
    """The words kept, sorted, each with its weight."""
    kept: dict[str, int] = {}
    for line in source.splitlines():
        word, count = line.split(" ")[:2]
        if not HAN.fullmatch(word) or len(word) > MAX_CHARS or int(count) < MIN_COUNT[len(word)]:
            continue
        if len(word) > 1 and NUMBERS.fullmatch(word) and word not in ("一点", "万一", "一万", "百万", "十分", "千万"):
            continue
        kept[word] = round(10 * math.log(int(count) + 1))
    return sorted(kept.items())


def main(source: Path, out: Path) -> None:
    """Write the compressed list and print its size."""
    words = derive(source.read_text(encoding="utf-8"))
    table = "".join(f"{word}\t{weight}\n" for word, weight in words)
    packed = lzma.compress(table.encode(), preset=9 | lzma.PRESET_EXTREME)
    partial = out.with_suffix(".partial")
    partial.write_bytes(packed)
    os.replace(partial, out)
    print(f"{out}: {len(words)} words, {len(packed)} bytes")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else OUT)
