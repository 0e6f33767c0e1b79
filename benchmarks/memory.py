"""Memory: of a server at rest, of many short requests through one TTS, of one long text to a file.

usage: python -m benchmarks.memory [--requests 10000] [--words 3000] [--no-rest]

A server with the embedded voice, warmed up, may have taken 420 MB at most.

Requests are one syllable each, eight at once, through the embedded voice; some are streamed, some called off. The
resident set at rest after the first 200 is held against that at the end: limit 2 %. The long text
is spoken by `vivace say` in a process of its own, whose resident set is read while it writes: after a minute of audio
and at the end. The last line is JSON.
"""

import argparse
import asyncio
import gc
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import aclosing
from itertools import count
from pathlib import Path

from benchmarks.server_process import ServerProcess
from vivace.bench.model_under_test import sentences
from vivace.pipeline.async_tts import AsyncTTS
from vivace.pipeline.tts import TTS
from vivace.settings import TTSConfig

FIRST = 200  # requests after which all that is kept is there
WIDE = 8  # requests at once
LIMIT = 0.02
REST_LIMIT_MB = 420
EVERY = 1000
TEXTS = ("Yes.", "No.", "One.", "Two.", "好。", "不。", "一。", "二。")
WAV_MINUTE = 60 * 24_000 * 2  # bytes
POLL_S = 0.05
REST_S = 2.0  # in which the engine returns what was freed
RUN = "from vivace.cli.main import run; run()"


async def ask(tts: AsyncTTS, first: int, until: int) -> None:
    """Requests ``first`` to ``until``: every third streamed, every tenth called off at its first chunk."""
    left = iter(range(first, until))

    async def user() -> None:
        for index in left:
            text = TEXTS[index % len(TEXTS)]
            if index % 3:
                await tts.synthesize(text, seed=index, reuse=False)
                continue
            async with aclosing(tts.stream(text, seed=index)) as chunks:
                async for _ in chunks:
                    if index % 10 == 0:
                        break

    async with asyncio.TaskGroup() as group:
        for _ in range(WIDE):
            group.create_task(user())


async def many_requests(requests: int) -> dict[str, float]:
    """Resident megabytes after the first 200 requests and at the end."""
    async with AsyncTTS(TTS(config=TTSConfig())) as tts:
        await ask(tts, 0, FIRST)
        early = settled_mb()
        print(f"{FIRST:6} requests: {early:.1f} MB")
        started, done = time.perf_counter(), FIRST
        while done < requests:
            until = min(requests, done - done % EVERY + EVERY)
            await ask(tts, done, until)
            done = until
            print(f"{done:6} requests: {settled_mb():.1f} MB, {(done - FIRST) / (time.perf_counter() - started):.1f}/s")
        late = settled_mb()
    return {"requests": requests, "first_mb": early, "last_mb": late, "growth": late / early - 1}


def settled_mb() -> float:
    """What this process holds at rest, when nothing is left to collect."""
    gc.collect()
    time.sleep(REST_S)
    resident = resident_mb_of(os.getpid())
    assert resident is not None, "this measurement needs Linux"
    return resident


def server_at_rest() -> dict[str, float]:
    """Megabytes of `vivace serve` once it is ready and has warmed up: now, and the most that it has taken."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {"VIVACE_PATHS__CACHE_DIR": folder, "VIVACE_PATHS__VOICES_DIR": folder}
        with ServerProcess(settings, log=Path(folder) / "log") as server:
            server.start()
            time.sleep(REST_S)
            figures = server.figures()
    return {"rss_mb": figures.rss_mb, "peak_mb": figures.peak_mb}


def long_text(words: int) -> dict[str, float]:
    """Resident megabytes of `vivace say` once a minute of audio is written, and at its end."""
    english = sentences()[1::2]
    text, used = [], 0
    for index in count():
        if used >= words:
            break
        text.append(english[index % len(english)])
        used += len(text[-1].split())
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "long.txt"
        source.write_text(" ".join(text), encoding="utf-8")
        command = [sys.executable, "-c", RUN, "say", "-f", str(source), "-o", str(Path(folder) / "long.wav")]
        readings = watch(command, Path(folder))
    minute = next(mb for size, mb in readings if size >= WAV_MINUTE)
    size, last = readings[-1]
    return {
        "words": used,
        "audio_s": size / WAV_MINUTE * 60,
        "minute_mb": minute,
        "last_mb": last,
        "largest_mb": max(mb for _, mb in readings),
        "growth": last / minute - 1,
    }


def watch(command: Sequence[str], folder: Path) -> list[tuple[int, float]]:
    """Bytes of sound in ``folder`` and resident megabytes of the command, over its life."""
    readings: list[tuple[int, float]] = []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            size = sum(path.stat().st_size for path in folder.iterdir() if path.suffix != ".txt")
            if (mb := resident_mb_of(process.pid)) is not None:
                readings.append((size, mb))
            time.sleep(POLL_S)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    return readings


def resident_mb_of(pid: int) -> float | None:
    """None once it is over."""
    try:
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return None
    return int(found[1]) / 1024 if found else None


def main() -> None:
    parser = argparse.ArgumentParser(description="Memory that does not grow.")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--words", type=int, default=3000)
    parser.add_argument("--no-rest", action="store_true", help="leave the server out")
    options = parser.parse_args()
    result: dict[str, dict[str, float]] = {}
    if not options.no_rest:
        result["rest"] = rest = server_at_rest()
        print(f"server at rest: {rest['rss_mb']:.0f} MB, at most {rest['peak_mb']:.0f} MB (limit {REST_LIMIT_MB})")
    if options.requests:
        result["requests"] = asyncio.run(many_requests(options.requests))
        print(f"growth {result['requests']['growth']:+.2%} (limit {LIMIT:.0%})")
    if options.words:
        result["say"] = said = long_text(options.words)
        print(f"say: {said['words']:.0f} words, {said['audio_s']:.0f} s; {said['minute_mb']:.1f} MB after a minute")
        print(f"{said['last_mb']:.1f} MB at the end, {said['growth']:+.2%}")
    print(json.dumps(result))
    grown = any(part.get("growth", 0) > LIMIT for part in result.values())
    sys.exit(grown or result.get("rest", {}).get("peak_mb", 0) > REST_LIMIT_MB)


if __name__ == "__main__":
    main()
