"""What is told about a speech beside its audio."""

from vivace.pipeline.speech import Speech


def verdict(speech: Speech) -> dict[str, str]:
    """Headers: the seed it can be made again with, and whether anything is wrong with it."""
    stats = speech.stats
    faults = ", ".join(f"piece {one.piece} {one.fault}" for one in stats.faults)
    return {
        "x-vivace-seed": str(stats.seed),
        "x-vivace-verdict": faults or "ok",
        "x-vivace-retries": str(stats.retries),
    }
