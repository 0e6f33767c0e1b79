"""Write GPT-SoVITS checkpoints of the published sizes with seeded random weights, to measure with.

    python scripts/random_gpt_sovits.py FOLDER [--version v2 --version v4] [--seed 0]

Each becomes a folder that ``vivace say --model`` takes, 0.4 to 1.4 GB; what it says is noise. ``vivace bench sovits``
tells how long it takes to load, and how much memory.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from vivace.bench.sovits import VERSIONS
from vivace.models.gpt_sovits.random_weights import write_random_gpt_sovits


def main() -> None:
    """Parse, write, tell where."""
    parser = argparse.ArgumentParser(description="Write GPT-SoVITS checkpoints with random weights.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--version", action="append", choices=VERSIONS)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for version in given.version or VERSIONS:
        root = write_random_gpt_sovits(given.folder / version, version, seed=given.seed)
        print(f"{root}: {sum(file.stat().st_size for file in root.iterdir()) / 1e6:,.0f} MB")


if __name__ == "__main__":
    main()
