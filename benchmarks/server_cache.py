"""The result cache of a real server: how much faster, the same bytes, made once, damage noticed, a full disk survived.

python -m benchmarks.server_cache [FOLDER]      # FOLDER: on a small file system that may be filled, such as

mkdir small && mount -t tmpfs -o size=2m tmpfs small
"""

import errno
import json
import re
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.http_client import SpeechRequest, ask
from benchmarks.server_process import ServerProcess

FULL = Path(sys.argv[1]) if len(sys.argv) > 1 else None
ONE = SpeechRequest("The ferry to the island leaves at seven, and the last one back at half past nine.", seed=7)
OTHER = SpeechRequest("Everybody wants to hear the same sentence at the same time.", seed=7)
AGAIN = 20
AT_ONCE = 100


def timed(port: int, said: SpeechRequest) -> tuple[float, bytes]:
    began = time.perf_counter()
    heard = ask(port, said)
    assert heard.body is not None, heard.status
    return time.perf_counter() - began, heard.body


def requests_made(server: ServerProcess) -> int:
    return int(json.loads(server.get("/v1/stats")[1])["requests"])


def entries(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if re.fullmatch("[0-9a-f]{64}", file.name)]


def run(settings: dict[str, str], folder: Path) -> list[bool]:
    good = []
    with ServerProcess(settings, log=folder / "server.log") as server:
        server.start()
        first_s, first = timed(server.port, ONE)
        again = [timed(server.port, ONE) for _ in range(AGAIN)]
        again_s, same = statistics.median(s for s, _ in again), all(body == first for _, body in again)
        print(f"again: {first_s:.3f} s, then {again_s * 1000:.1f} ms, x {first_s / again_s:.0f}; same bytes: {same}")
        good += [first_s / again_s >= 50, same]
        before = requests_made(server)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(lambda _: ask(server.port, OTHER), range(AT_ONCE)))
        made, bodies = requests_made(server) - before, {answer.body for answer in answers}
        statuses = sorted({answer.status for answer in answers})
        print(f"{AT_ONCE} at once: statuses {statuses}, made {made} times, {len(bodies)} different answers")
        good += [statuses == [200], made == 1, len(bodies) == 1]
    with ServerProcess(settings, log=folder / "again.log") as server:
        server.start()
        disk_s, kept = timed(server.port, ONE)
        print(
            f"after a restart: {disk_s * 1000:.1f} ms from disk, x {first_s / disk_s:.0f}; same bytes: {kept == first}"
        )
        good += [kept == first]
    files = entries(folder / "cache" / "results")
    for file in files:
        stored = bytearray(file.read_bytes())
        stored[len(stored) // 2] ^= 1
        file.write_bytes(stored)
    with ServerProcess(settings, log=folder / "damaged.log") as server:
        server.start()
        _, mended = timed(server.port, ONE)
        told = (folder / "damaged.log").read_text().count("is damaged; it is removed and made again")
        print(f"a flipped byte: {requests_made(server)} made, {told} logged; same bytes: {mended == first}")
        good += [requests_made(server) == 1, told == 1, mended == first]
    return good


def fill(folder: Path) -> None:
    """Until there is no room for another byte."""
    with (folder / "filler").open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 10, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError as exc:
                if exc.errno != errno.ENOSPC:
                    raise


def run_full(settings: dict[str, str], folder: Path, full: Path) -> list[bool]:
    kept = full / "cache"
    kept.mkdir(exist_ok=True)
    fill(full)
    with ServerProcess({**settings, "VIVACE_PATHS__CACHE_DIR": str(kept)}, log=folder / "full.log") as server:
        server.start()
        bodies = {timed(server.port, ONE)[1] for _ in range(2)}
        status, _ = server.get("/ready")
        log = [json.loads(line) for line in (folder / "full.log").read_text().splitlines() if line.startswith("{")]
        warned = [entry["event"] for entry in log if "cannot keep a result" in entry["event"]]
        errors = [entry["event"] for entry in log if entry["level"] == "error"]
    (full / "filler").unlink()
    print(f"full disk: answered {len(bodies)} way, warned {len(warned)} x, errors {errors}: {warned[:1]}")
    return [len(bodies) == 1, bool(warned), not errors, status == 200]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        kept = {"VIVACE_PATHS__VOICES_DIR": f"{name}/voices", "VIVACE_PATHS__CACHE_DIR": f"{name}/cache"}
        settings = {**kept, "VIVACE_CACHE__RESULTS": "disk"}
        good = run(settings, Path(name))
        if FULL is not None:
            good += run_full(settings, Path(name), FULL)
    sys.exit(not all(good))


if __name__ == "__main__":
    main()
