"""The decoding benchmark's table for people and its line for machines."""

import json
from dataclasses import asdict

from vivace.bench.ar import Report

HEADER = ("precision", "streams", "ms per step", "steps/s", "of bandwidth limit", "ratio")


def table(report: Report) -> list[tuple[str, ...]]:
    """One row per measurement, under ``HEADER``."""
    return [
        (
            row.precision,
            str(row.batch),
            f"{row.ms_per_step:.2f}",
            f"{row.steps_per_s:,.0f}" if row.steps_per_s >= 100 else f"{row.steps_per_s:.1f}",
            "" if row.bandwidth_share is None else f"{row.bandwidth_share:.0%}",
            "" if row.ratio is None else f"{row.ratio:.1f}",
        )
        for row in report.rows
    ]


def caption(report: Report) -> str:
    """What the table is about, in one line."""
    how = f"kernels of {report.cpu_kind}" if report.cpu_kind else "plain torch"
    return (
        f"{report.subject}; {report.device}, threads: {report.threads}, {how}; prompt {report.prompt} positions, "
        f"{report.steps} steps timed; memory reads {report.read_gb_per_s:.1f} GB/s"
    )


def json_line(report: Report) -> str:
    """The report as one line of JSON."""
    return json.dumps(asdict(report))
