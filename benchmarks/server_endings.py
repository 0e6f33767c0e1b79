"""How a real server ends: killed under load, again and again, and told to stop while it speaks.

python -m benchmarks.server_endings [MODEL]      # a model that learns voices shows that those are kept, too
"""

import hashlib
import json
import random
import re
import signal
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.http_client import LoadGenerator, SpeechRequest, SpeechResponse, ask
from benchmarks.server_process import ServerProcess
from benchmarks.uploads import upload
from vivace.bench.model_under_test import spread

MODEL = sys.argv[1] if len(sys.argv) > 1 else None
KILLS = 5
STREAMS = 8  # as many as are spoken at once
LONG = 3  # sentences of a stream that is under way when the server is told to stop
TEXTS = tuple(text for text in spread(60) if text.isascii())
DIGEST = 32


def damaged(folder: Path) -> tuple[int, int]:
    """Entries of the cache, and those whose content is not what their checksum says."""
    files = [file for file in folder.rglob("*") if re.fullmatch("[0-9a-f]{64}", file.name)]
    contents = [file.read_bytes() for file in files]
    return len(files), sum(hashlib.sha256(c[DIGEST:]).digest() != c[:DIGEST] for c in contents)


def voices_of(server: ServerProcess) -> set[str]:
    return {voice["id"] for voice in json.loads(server.get("/v1/audio/voices")[1])["data"]}


def kill_it(settings: dict[str, str], folder: Path, flags: list[str]) -> bool:
    """Killed while four listen and one uploads; started again on the same folders."""
    draw, added, fine, port = random.Random(0), set[str](), True, None
    listeners: LoadGenerator | None = None
    for turn in range(KILLS + 1):
        with ServerProcess(settings, "--no-warm-up", *flags, log=folder / "server.log", port=port) as server:
            seconds, port = server.start(), server.port
            lost = added - voices_of(server)
            entries, bad = damaged(folder / "cache" / "results")
            listeners = listeners or LoadGenerator(port, TEXTS)
            known = list(listeners.heard)
            for said in known:
                listeners.note(said, ask(port, said))
            fine &= not lost and not bad and not listeners.changed
            print(
                f"start {turn}: {seconds:.1f} s; {entries} results kept, {bad} damaged; {len(added)} voices added, "
                f"{len(lost)} lost; {len(known)} answers asked for again, {listeners.changed} changed"
            )
            if turn == KILLS:
                break
            listeners.start(4, seed=turn)
            until = time.monotonic() + 3 + 3 * draw.random()
            while time.monotonic() < until:
                if MODEL is None:
                    time.sleep(0.05)
                elif found := upload(port, f"voice {turn} {draw.random()}", draw.randrange(1 << 30)):
                    added.add(found)
            server.send(signal.SIGKILL)
            server.wait(10)
            listeners.stop()
    assert listeners is not None
    print(f"answers: {dict(listeners.outcomes)}")
    return fine


def stop_it(settings: dict[str, str], folder: Path, flags: list[str]) -> bool:
    """SIGTERM while eight streams are under way: each is heard to its end, and is what it would have been."""
    long = [SpeechRequest(" ".join(TEXTS[n : n + LONG]), seed=n, format="pcm") for n in range(STREAMS)]
    with ServerProcess(settings, *flags, log=folder / "stopped.log") as server:
        server.start()
        expected = [ask(server.port, said).body for said in long]
        all_begun = threading.Barrier(STREAMS + 1)
        begun = [False] * STREAMS

        def listen(number: int) -> SpeechResponse:
            def first_bytes() -> None:
                begun[number] = True
                all_begun.wait(60)

            return ask(server.port, long[number], first_bytes)

        with ThreadPoolExecutor(STREAMS) as pool:
            answers = [pool.submit(listen, number) for number in range(STREAMS)]
            all_begun.wait(60)
            server.send(signal.SIGTERM)
            told = time.monotonic()
            time.sleep(0.2)
            refused = ask(server.port, long[0]).status
            heard = [answer.result() for answer in answers]
            code = server.wait(60)
            seconds = time.monotonic() - told
    whole = sum(answer.body is not None for answer in heard)
    same = sum(answer.body == known for answer, known in zip(heard, expected, strict=True))
    print(
        f"stopped: {sum(begun)} streams under way, {whole} heard to their end, {same} the same to the bit; "
        f"a new request: {refused}; exit code {code} after {seconds:.1f} s"
    )
    return whole == STREAMS and code == 0 and refused == 503


def main() -> None:
    flags = ["--model", MODEL] if MODEL else []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = {"VIVACE_PATHS__VOICES_DIR": f"{name}/voices", "VIVACE_PATHS__CACHE_DIR": f"{name}/cache"}
        killed = kill_it({**settings, "VIVACE_CACHE__RESULTS": "disk"}, folder, flags)
        stopped = stop_it(settings, folder, flags)
    sys.exit(not (killed and stopped))


if __name__ == "__main__":
    main()
