"""How fast text is read: sentences a second through each stage, by language, and the share of time per stage.

usage: python benchmarks/text.py [--rounds 5]

Processor time of one thread, the best of ROUNDS; tables and caches are warm, as in a server. Every sentence is short
(15 characters of Chinese, 8 words of English); "numbers" are the written forms of tests/text/cases, which the reading
rules and, for some, the long-tail library read. The last line is JSON.
"""

import argparse
import gc
import importlib
import json
import logging
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from vivace.text import normalize, phones, split, wetext_fallback
from vivace.text.aligned import Aligned
from vivace.text.clean import clean
from vivace.text.cleanup import finish
from vivace.text.language import HAN, language_spans
from vivace.text.zh import polyphones
from vivace.text.zh.homophones import built_in
from vivace.text.zh.pinyin import citation
from vivace.text.zh.sandhi import sandhi
from vivace.text.zh.simplified import simplified
from vivace.text.zh.words import is_word, segment

HERE = Path(__file__).parent
CASES = HERE.parent / "tests" / "text" / "cases"
Item = TypeVar("Item")
Floats = NDArray[np.float32]
HALF = np.float32(0.5)
LONG_BYTES = 20_000
LONG_CHARS = LONG_BYTES // 3  # a Han character is three bytes


def seconds(work: Callable[[Item], object], texts: Sequence[Item], rounds: int) -> float:
    """Least processor time of ``rounds`` passes over ``texts``."""
    for text in texts:
        work(text)
    times = []
    for _ in range(rounds):
        gc.collect()
        started = time.process_time()
        for text in texts:
            work(text)
        times.append(time.process_time() - started)
    return min(times)


def lines(path: Path) -> list[str]:
    """The written forms of a sentence list or a case file."""
    found = (line.split("\t")[0] for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in found if line and not line.startswith("# ")]


def cases(prefix: str) -> list[str]:
    """The written forms of every case file of a language."""
    return [
        w
        for p in sorted(CASES.glob(f"{prefix}_*.tsv"))
        if p.stem not in ("zh_polyphones", "zh_alone")
        for w in lines(p)
    ]


def stages(texts: Sequence[str], rounds: int) -> dict[str, float]:
    """Seconds per stage; ``rules`` is what normalizing takes beyond the passes before and after it."""
    whole = seconds(phones, texts, rounds)
    spoken = seconds(normalize, texts, rounds)
    passes = {
        "clean": seconds(lambda t: clean(Aligned.of(t)), texts, rounds),
        "language": seconds(language_spans, texts, rounds),
        "last pass": seconds(lambda t: finish(Aligned.of(t)), [normalize(t) for t in texts], rounds),
    }
    return {**passes, "rules": max(0.0, spoken - sum(passes.values())), "phones": max(0.0, whole - spoken)}


def report(name: str, texts: Sequence[str], rounds: int) -> dict[str, object]:
    """One row of the table."""
    taken = stages(texts, rounds)
    total = sum(taken.values())
    shares = {stage: round(t / total, 3) for stage, t in taken.items()}
    normalizing = total - taken["phones"]
    row = {
        "texts": len(texts),
        "characters": round(sum(map(len, texts)) / len(texts), 1),
        "normalize_per_s": round(len(texts) / normalizing),
        "normalize_and_phones_per_s": round(len(texts) / total),
        "split_per_s": round(len(texts) / seconds(split, texts, rounds)),
        "share": shares,
    }
    print(
        f"{name:12} {row['normalize_per_s']:>10} {row['normalize_and_phones_per_s']:>10} {row['split_per_s']:>10}   ",
        end="",
    )
    print("  ".join(f"{stage} {share:.0%}" for stage, share in shares.items()))
    return row


def long_text(texts: Sequence[str], rounds: int) -> float:
    """Seconds to split and read 20 kB in one call."""
    text = "".join(texts)
    text = (text * (LONG_BYTES // len(text.encode()) + 1)).encode()[:LONG_BYTES].decode(errors="ignore")
    return seconds(split, [text], rounds)


def chinese(texts: Sequence[str], rounds: int) -> dict[str, float]:
    """Shares of the time that Chinese phones take, inside one sentence."""
    runs = [run for t in texts for run in re.findall(f"[{HAN}]+", normalize(t, "zh"))]
    taken = {"simplified": seconds(simplified, runs, rounds)}
    taken["words"] = seconds(segment, runs, rounds)
    words = [segment(simplified(run)) for run in runs]
    taken["readings"] = seconds(citation, words, rounds)
    read = [list(zip(w, citation(w), strict=True)) for w in words]
    taken["sandhi"] = seconds(lambda r: sandhi(r, is_word), read, rounds)
    total = sum(taken.values())
    return {stage: round(t / total, 3) for stage, t in taken.items()}


FIRST = """
import sys, time
started = time.process_time()
from vivace.text import phones
imported = time.process_time()
phones(sys.argv[1])
print(imported - started, time.process_time() - imported)
"""


def first_sentence(text: str, rounds: int) -> tuple[float, float]:
    """Processor seconds of a fresh process: for the import, and for its first sentence with the tables it needs."""
    runs = [
        subprocess.run([sys.executable, "-c", FIRST, text], check=True, capture_output=True, text=True).stdout
        for _ in range(rounds)
    ]
    loaded, read = zip(*(map(float, run.split()) for run in runs), strict=True)
    return round(min(loaded), 3), round(min(read), 3)


def longest_wait(text: str) -> float:
    """Milliseconds that another thread has waited for the interpreter lock at most, while ``text`` is split."""
    worst = 0.0
    done = threading.Event()

    def watch() -> None:
        nonlocal worst
        while not done.is_set():
            slept = time.perf_counter()
            time.sleep(0.001)
            worst = max(worst, time.perf_counter() - slept)

    watcher = threading.Thread(target=watch)
    watcher.start()
    split(text)
    done.set()
    watcher.join()
    return round(worst * 1e3, 1)


def _look_up(codes: NDArray[np.uint32], entries: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The loop that numba compiles."""
    out = np.empty_like(codes)
    for i in range(len(codes)):
        out[i] = entries[codes[i]]
    return out


def homophones(texts: Sequence[str], rounds: int) -> dict[str, float]:
    """Microseconds a sentence: the dense numpy table, a dictionary, and numba where it is installed."""
    table = built_in()
    changed = np.flatnonzero(table.table != np.arange(len(table.table)))
    pairs = {chr(i): chr(table.table[i]) for i in changed}
    ways: dict[str, Callable[[str], object]] = {
        "numpy": table.replace,
        "dictionary": lambda t: "".join(pairs.get(c, c) for c in t),
    }
    try:
        numba = importlib.import_module("numba")
    except ImportError:
        print("numba is not installed: numpy and a dictionary alone are compared")
    else:
        look_up = numba.njit(nogil=True)(_look_up)
        ways["numba"] = lambda t: (
            look_up(np.frombuffer(t.encode("utf-32-le"), np.uint32), table.table).tobytes().decode("utf-32-le")
        )
    return {name: round(seconds(way, texts, rounds) / len(texts) * 1e6, 2) for name, way in ways.items()}


def _recurrence(gates: Floats, recurrent: Floats) -> Floats:
    """The loop of ``polyphones._states`` over one direction, for numba to compile: ``[N, 4H]`` to ``[N, H]``."""
    size = recurrent.shape[0]
    states = np.empty((len(gates), size), np.float32)
    h = np.zeros(size, np.float32)
    c = np.zeros(size, np.float32)
    for step in range(len(gates)):
        z = np.tanh(gates[step] + h @ recurrent)
        i, f, o = z[:size] * HALF + HALF, z[size : 2 * size] * HALF + HALF, z[3 * size :] * HALF + HALF
        c = f * c + i * z[2 * size : 3 * size]
        h = o * np.tanh(c)
        states[step] = h
    return states


def recurrence(rounds: int) -> dict[str, float]:
    """Microseconds for the polyphone model's states of a sentence of 16: numpy, and numba where it is installed."""
    weights = polyphones._weights()
    rows = np.arange(100, 116)
    ways: dict[str, Callable[[object], object]] = {"numpy": lambda _: polyphones._states(weights, rows)}
    try:
        numba = importlib.import_module("numba")
    except ImportError:
        pass
    else:
        loop = numba.njit(nogil=True, fastmath=True)(_recurrence)
        ways["numba"] = lambda _: (
            loop(weights.inputs[0, rows], weights.recurrent[0]),
            loop(weights.inputs[1, rows[::-1]], weights.recurrent[1]),
        )
    return {name: round(seconds(way, [None] * 100, rounds) * 1e4, 1) for name, way in ways.items()}


def main() -> None:
    """Print the table, then one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    logging.disable(logging.WARNING)
    zh, en = lines(HERE / "voice_sentences_zh.txt"), lines(HERE / "voice_sentences_en.txt")
    print(f"{'':12} {'normalize':>10} {'+ phones':>10} {'split':>10}    sentences a second; share of time")
    result: dict[str, object] = {
        "zh": report("zh", zh, rounds),
        "en": report("en", en, rounds),
        "zh numbers": report("zh numbers", cases("zh"), rounds),
        "en numbers": report("en numbers", cases("en"), rounds),
    }
    result["zh_phones_share"] = inside = chinese(zh, rounds)
    print("of Chinese phones:", "  ".join(f"{stage} {share:.0%}" for stage, share in inside.items()))
    result["long_tail_texts"] = wetext_fallback.read.cache_info().currsize
    for name, texts in (("zh", zh), ("en", en)):
        result[f"seconds_20kB_{name}"] = round(long_text(texts, rounds), 3)
        print(f"20 kB of {name}: {result[f'seconds_20kB_{name}']} s")
    for name, text in (("zh", "今天天气很好，他转身就走了。"), ("en", "It is fine today.")):
        result[f"seconds_import_and_first_{name}"] = first_sentence(text, rounds)
        print(f"import and first sentence of {name}: {result[f'seconds_import_and_first_{name}']} s")
    unpunctuated = {"zh": "".join(re.findall(f"[{HAN}]", "".join(zh))) * 20, "3_4_5": "测试3_4_5" * 3_000}
    result["longest_wait_ms"] = {name: longest_wait(text) for name, text in unpunctuated.items()}
    print(f"longest wait for the interpreter lock, ms: {result['longest_wait_ms']}")
    result["polyphone_model_us"] = recurrence(rounds)
    print(f"polyphone model, microseconds a sentence: {result['polyphone_model_us']}")
    result["homophones_us_sentence"] = homophones(zh, rounds)
    result["homophones_us_20kB"] = homophones(["".join(zh * 10)[:LONG_CHARS]], rounds)
    print(f"homophones, microseconds: {result['homophones_us_sentence']}, 20 kB {result['homophones_us_20kB']}")
    print(json.dumps(result, ensure_ascii=False))


if __name__ == "__main__":
    main()
