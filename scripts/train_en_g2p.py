"""Train the models that read unknown English words, and report their accuracy on words held out.

usage: python -m scripts.train_en_g2p [--network FILE] [--order 8] [--threshold 0.7] [--sample N] [--no-write]

A hash of each word of the shipped dictionary puts 5 % of them aside, held out, and 1.5 % as development words.

1. Align letters and phones of the rest (``g2p_alignment.py``).
2. Train an n-gram model of graphones from the left and one from the right (``g2p_ngram.py``), and a network that sees
   the whole word (``g2p_network.py``: about 80 s an epoch on one core). ``--network`` keeps it in a file, or takes it
   from there.
3. Fit the weights of the three on the development words (``g2p_combination.py``), and print them beside the ones that
   ``vivace.text.en.oov`` has.
4. Score the held-out words with ``vivace.text.en.oov``.
5. Train the n-gram models on all words and write ``data/en_g2p_*.xz``; the network is the one measured, fitted without
   the words of 3 and 4.
"""

import argparse
import os
import random
import time
import zlib
from pathlib import Path

from scripts import g2p_combination, g2p_network, g2p_ngram
from scripts.g2p_alignment import SEED, Entry, alignments
from scripts.g2p_combination import plain, readings
from vivace.text.en.graphones import JointModel
from vivace.text.en.lexicon import lexicon
from vivace.text.en.network import GraphoneNetwork, pack
from vivace.text.en.oov import WEIGHTS, Reader, decode
from vivace.text.tables import mapping

DATA = Path(__file__).resolve().parents[1] / "vivace" / "text" / "data"
WAYS = ("forward", "backward")
HELD_OUT = range(50)  # of a thousand
DEVELOPMENT = range(50, 65)


def entries() -> list[Entry]:
    """Words of plain letters with each word's first pronunciation."""
    own = mapping("en_extra")  # brand names and the like: spelled as they please
    own_free = ((w, p) for w, p in lexicon().items() if w.isascii() and w.isalpha() and w not in own)
    return [(word, tuple(phones.split("|")[0].split(" "))) for word, phones in own_free]


def share(word: str) -> int:
    """0 to 999, by a hash of the word."""
    return zlib.crc32(word.encode()) % 1000


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
        wanted = readings(word)
        wanted_plain = [plain(reading) for reading in wanted]
        words += got in wanted
        words_plain += plain(got) in wanted_plain
        edits, length = min((distance(plain(got), reading), len(reading)) for reading in wanted_plain)
        errors += edits
        phones += length
    elapsed = 1000 * (time.process_time() - started) / len(held_out)
    return (
        f"{len(held_out)} words held out: {words_plain / len(held_out):.1%} right without stress, "
        f"{words / len(held_out):.1%} with stress, {errors / phones:.1%} phone errors, {elapsed:.1f} ms a word"
    )


def write(path: Path, content: bytes) -> None:
    """All of it or nothing."""
    partial = path.with_suffix(".partial")
    partial.write_bytes(content)
    os.replace(partial, path)


def main() -> None:
    """Report on a split, then train the n-gram models on everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", type=Path, help="packed network: read if it is there, else written")
    parser.add_argument("--order", type=int, default=8)
    parser.add_argument("--threshold", type=float, default=0.7, help="nats that an n-gram must gain")
    parser.add_argument("--sample", type=int, help="score so many of the words held out")
    parser.add_argument("--no-write", action="store_true")
    options = parser.parse_args()
    words = entries()
    held_out = [e for e in words if share(e[0]) in HELD_OUT]
    paths, more = alignments([e for e in words if share(e[0]) not in HELD_OUT], held_out)
    fitted = [path for path in paths if share("".join(letters for letters, _ in path)) not in DEVELOPMENT]
    graphones = sorted({g for path in paths for g in path})
    print(f"aligned {len(paths) + len(more)} of {len(words)} words, {len(graphones)} graphones", flush=True)

    def models(chosen: list[list[tuple[str, tuple[str, ...]]]]) -> list[bytes]:
        return [g2p_ngram.train(chosen, graphones, options.order, options.threshold, way == WAYS[1]) for way in WAYS]

    if options.network and options.network.exists():
        network = options.network.read_bytes()
    else:
        network = pack(g2p_network.train(fitted, graphones))
        if options.network:
            write(options.network, network)
    forward, backward = (JointModel.unpack(packed) for packed in models(fitted))
    reader = Reader(forward, backward, GraphoneNetwork.unpack(network))
    development = [e for e in words if share(e[0]) in DEVELOPMENT]
    scores, right = g2p_combination.examples(reader, development)
    for weights in (WEIGHTS, g2p_combination.fit(scores, right)):
        nats = g2p_combination.log_likelihood(scores, right, weights)
        print(f"weights {weights}: {nats:.4f} nats a development word")
    print(evaluate(reader, random.Random(SEED).sample(held_out, options.sample or len(held_out))))
    if not options.no_write:
        for way, content in zip(WAYS, models(paths + more), strict=True):
            write(DATA / f"en_g2p_{way}.bin.xz", content)
        write(DATA / "en_g2p_network.npz.xz", network)


if __name__ == "__main__":
    main()
