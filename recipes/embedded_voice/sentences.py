"""English sentences for the corpus from Debian's ``fortunes``: one a line, plain words only.

apt install fortunes
python recipes/embedded_voice/sentences.py > written_en.txt
"""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

NOT_TEXT = (".dat", ".u8")
SENTENCE = re.compile(r"[A-Z][A-Za-z',;: ]+[.!?]")
WORDS = range(3, 19)


def sentences(text: str) -> Iterator[str]:
    """Sentences of a fortunes file that are nothing but words and plain marks; who said them is left out."""
    for quote in text.split("\n%\n"):
        said = re.sub(r"\s+", " ", quote.split("\t\t--")[0].replace("--", ", "))
        for part in re.split(r"(?<=[.!?]) ", said):
            plain = re.sub(r"\s+([,.;:?!])", r"\1", re.sub(r'["()\[\]*_`]', "", part).strip())
            if SENTENCE.fullmatch(plain) and len(plain.split()) in WORDS:
                yield plain


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("/usr/share/games/fortunes"))
    folder = parser.parse_args().folder
    found: set[str] = set()
    for path in sorted(folder.iterdir()):
        if path.suffix not in NOT_TEXT:
            found.update(sentences(path.read_text(encoding="utf-8", errors="ignore")))
    print("\n".join(sorted(found)))


if __name__ == "__main__":
    main()
