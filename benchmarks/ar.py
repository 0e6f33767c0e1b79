"""Decoding speed from the source tree: needs torch, numpy and safetensors only (and transformers for --baseline).

    python benchmarks/ar.py --random-weights chattts --batch 1 16 64 [--baseline] [--device cuda]

``vivace bench ar`` is the same where the package is installed.
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from vivace.bench.ar import (
    DEFAULT_BATCHES,
    HEADER,
    ON_CPU,
    DecodingPlan,
    caption,
    default_precisions,
    json_line,
    measure,
    table,
)


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description="Time decoding steps of the engine.")
    parser.add_argument("--random-weights", choices=["chattts"], help="else the embedded voice")
    parser.add_argument("--precision", nargs="+", choices=ON_CPU)
    parser.add_argument("--batch", nargs="+", type=int, default=DEFAULT_BATCHES)
    parser.add_argument("--prompt", type=int, default=32)
    parser.add_argument("--steps", type=int, default=48)
    parser.add_argument("--baseline", action="store_true")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--no-native", action="store_true", help="plain torch instead of the compiled kernels")
    given = parser.parse_args()
    plan = DecodingPlan(
        subject=given.random_weights or "embedded",
        precisions=tuple(given.precision or default_precisions(given.device)),
        batches=tuple(given.batch),
        prompt=given.prompt,
        steps=given.steps,
        baseline=given.baseline,
        device=given.device,
        threads=given.threads,
        kernels=None if given.no_native else Path(tempfile.gettempdir()) / "vivace-native",
    )
    report = measure(plan, lambda line: print(line, file=sys.stderr))
    print(caption(report))
    for line in (HEADER, *table(report)):
        print("  ".join(cell.rjust(20) for cell in line))
    print(json_line(report))


if __name__ == "__main__":
    main()
