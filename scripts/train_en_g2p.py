"""Train the models that read unknown English words, and report their accuracy on words held out.

usage: python -m scripts.train_en_g2p [--order 8] [--threshold 0.7] [--sample N]
       [--held-out 50] [--no-write]

1. Align the letters and phones of the shipped dictionary (``g2p_alignment.py``).
2. Train an n-gram model of graphones from the left and one from the right (``g2p_ngram.py``), and a small network that
   sees the letters on both sides (``g2p_network.py``).
3. Score the held-out words with ``vivace.text.en.unknown``; then train the n-gram models on all words and write
   ``data/en_g2p_*.xz``; the network is the one measured, fitted without those words.
"""

import argparse
import os
import random
import time
import zlib
from pathlib import Path

from scripts import g2p_network, g2p_ngram
from scripts.g2p_alignment import SEED, Entry, alignments
from vivace.text.en.graphones import JointModel
from vivace.text.en.lexicon import lexicon
from vivace.text.en.network import Network, pack
from vivace.text.en.unknown import Reader, decode
from vivace.text.tables import mapping

DATA = Path(__file__).resolve().parents[1] / "vivace" / "text" / "data"
WAYS = ("forward", "backward")


def entries() -> list[Entry]:
    """Words of plain letters with each word's first pronunciation."""
    own = mapping("en_extra")  # brand names and the like: spelled as they please
    plain = ((w, p) for w, p in lexicon().items() if w.isascii() and w.isalpha() and w not in own)
    return [(word, tuple(phones.split("|")[0].split(" "))) for word, phones in plain]


def distance(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    """Edits between two phone sequences."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = (row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y)))
    return row[-1]


def evaluate(reader: Reader, held_out: list[Entry]) -> str:
    """Accuracy against any pronunciation that the dictionary gives."""
    words = words_plain = errors = phones = 0
    started = time.process_time()
    for word, _ in held_out:
        got = decode(reader, word)
        plain = tuple(p.rstrip("012") for p in got)
        wanted = [tuple(v.split(" ")) for v in lexicon()[word].split("|")]
        wanted_plain = [tuple(p.rstrip("012") for p in v) for v in wanted]
        words += got in wanted
        words_plain += plain in wanted_plain
        best = min(wanted_plain, key=lambda v: distance(plain, v))
        errors += distance(plain, best)
        phones += len(best)
    elapsed = 1000 * (time.process_time() - started) / len(held_out)
    return (
        f"{len(held_out)} words held out: {words_plain / len(held_out):.1%} right without stress, "
        f"{words / len(held_out):.1%} with stress, {errors / phones:.1%} phone errors, {elapsed:.1f} ms a word"
    )


def main() -> None:
    """Report on a split, then train the n-gram models on everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--order", type=int, default=8)
    parser.add_argument("--threshold", type=float, default=0.7, help="nats that an n-gram must gain")
    parser.add_argument("--held-out", type=int, default=50, help="of a thousand words, by a hash of the word")
    parser.add_argument("--sample", type=int, help="score so many of the words held out")
    parser.add_argument("--no-write", action="store_true")
    options = parser.parse_args()
    words = entries()
    held_out = [e for e in words if zlib.crc32(e[0].encode()) % 1000 < options.held_out]
    held = {word for word, _ in held_out}
    paths, more = alignments([e for e in words if e[0] not in held], held_out)
    graphones = sorted({g for path in paths for g in path})
    print(f"aligned {len(paths) + len(more)} of {len(words)} words, {len(graphones)} graphones")

    def models(chosen: list[list[tuple[str, tuple[str, ...]]]]) -> dict[str, bytes]:
        return {
            f"en_g2p_{way}.bin.xz": g2p_ngram.train(chosen, graphones, options.order, options.threshold, way == WAYS[1])
            for way in WAYS
        }

    network = g2p_network.train(paths, graphones)
    packed = [*models(paths).values(), pack(network)]
    reader = Reader(JointModel.unpack(packed[0]), JointModel.unpack(packed[1]), Network.unpack(packed[2]))
    scored = random.Random(SEED).sample(held_out, min(options.sample or len(held_out), len(held_out)))
    print(evaluate(reader, scored))
    if not options.no_write:
        for name, content in (models(paths + more) | {"en_g2p_network.npz.xz": pack(network)}).items():
            partial = (DATA / name).with_suffix(".partial")
            partial.write_bytes(content)
            os.replace(partial, DATA / name)


if __name__ == "__main__":
    main()
