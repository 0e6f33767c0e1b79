"""How long the published model's size takes to load, and how much memory: peak resident set against file size.

python benchmarks/load.py            # writes 1.2 GB of random weights to a temporary folder first
"""

import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT = 1.3  # of the file size


def peak_mb() -> float:
    """Largest resident set of this process so far (``getrusage`` would count its parent's too)."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found, "this measurement needs Linux"
    return int(found[1]) / 1024


def measure(root: Path) -> dict[str, float]:
    """Load once in this process; megabytes and seconds."""
    import torch  # before the first reading, so that only the model is counted

    from vivace.models.chattts.checkpoint.parts import load_chattts

    torch.zeros(1)
    before = peak_mb()
    started = time.perf_counter()
    parts = load_chattts(root)
    seconds = time.perf_counter() - started
    assert parts.model.dvae is not None, "the published model has a DVAE"
    return {"load_s": seconds, "growth_mb": peak_mb() - before}


def main() -> None:
    if len(sys.argv) == 3 and sys.argv[1] == "--measure":
        print(json.dumps(measure(Path(sys.argv[2]))))
        return
    from vivace.bench.model_under_test import write_random_checkpoint

    with tempfile.TemporaryDirectory() as folder:
        size_mb = write_random_checkpoint(Path(folder)) / 2**20
        child = [sys.executable, __file__, "--measure", folder]
        result = json.loads(subprocess.run(child, check=True, capture_output=True, text=True).stdout)
    ratio = result["growth_mb"] / size_mb
    print(f"files {size_mb:.0f} MB   peak growth {result['growth_mb']:.0f} MB   ratio {ratio:.2f} (limit {LIMIT})")
    print(f"loaded in {result['load_s']:.1f} s")
    print(json.dumps({"files_mb": size_mb, **result, "ratio": ratio}))
    sys.exit(ratio > LIMIT)


if __name__ == "__main__":
    main()
