"""500 listeners that leave a real server at any moment: does everything return to where it was?

python -m benchmarks.server_leaving [COUNT]
"""

import json
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from benchmarks.disconnects import leave_all
from benchmarks.server_process import Figures, ServerProcess

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 500
ROUND = 100
REST_S = 60.0
# Pools fill as needed and then stay: the loop, the engine, asyncio's own, text, two that encode, one that clones.
THREADS = 1 + 1 + min(32, (os.cpu_count() or 1) + 4) + 3 + 2 + 1
IDLE_S = 12.0


def line(name: str, figures: Figures) -> str:
    busy = sum(figures.busy.values())
    memory = f"{figures.rss_mb:.0f} MB, peak {figures.peak_mb:.0f} MB"
    return f"{name:>12}: {busy} busy, {figures.threads} threads, {figures.files} files, {memory}"


def rested(server: ServerProcess) -> Figures:
    """The figures when no request is active and idle file threads have ended, after ten seconds."""
    server.at_rest(REST_S)
    time.sleep(IDLE_S)
    return server.figures()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        kept = {"VIVACE_PATHS__VOICES_DIR": f"{folder}/voices", "VIVACE_PATHS__CACHE_DIR": f"{folder}/cache"}
        with ServerProcess(kept, log=Path(folder) / "server.log") as server:
            print(f"ready after {server.start():.1f} s")
            leave_all(server.port, ROUND, seed=1, at_once=ROUND)  # fills the pools of threads, which stay
            before = rested(server)
            print(line("before", before))
            began, met = time.monotonic(), Counter[str]()
            for done in range(0, COUNT, ROUND):
                met += leave_all(server.port, min(ROUND, COUNT - done), seed=2 + done)
                left = time.monotonic()
                after = server.at_rest(REST_S)
                print(line(f"after {met.total()}", after), f"({time.monotonic() - left:.1f} s to come to rest)")
            seconds = time.monotonic() - began
            after = rested(server)
            print(line("at the end", after))
            status, _ = server.get("/ready")
            failures = [entry for entry in server.log.read_text().splitlines() if '"level": "error"' in entry]
    kinds = dict(met)
    same = after.at_rest and after.threads <= THREADS and after.files <= before.files
    verdict = "as before" if same else "NOT as before"
    print(f"{kinds} in {seconds:.0f} s; {len(failures)} errors in the log; {verdict}, threads at most {THREADS}")
    print(*failures, sep="\n", file=sys.stderr)
    print(json.dumps({"kinds": kinds, "before": asdict(before), "after": asdict(after), "errors": len(failures)}))
    sys.exit(not same or status != 200 or bool(failures))


if __name__ == "__main__":
    main()
