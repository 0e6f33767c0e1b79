"""``vivace verify``: compare a checkpoint's arrays with recorded ones."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vivace.cli.table import print_table
from vivace.errors import InputError


def verify(
    folder: Annotated[Path, typer.Argument(metavar="GOLDENS_DIR", help="A manifest, a checkpoint and arrays.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a row.")] = False,
) -> None:
    """Load the checkpoint in GOLDENS_DIR and compare every recorded array; exit 1 if one misses its tolerance."""
    from vivace.bench.verify import verify_folder

    rows = verify_folder(folder)
    if not rows:
        raise InputError(f"{str(folder)!r} records nothing to compare; name a folder with a manifest")
    missed = [row for row in rows if not row.ok]
    if as_json:
        for row in rows:
            sys.stdout.write(json.dumps(asdict(row)) + "\n")
    else:
        from rich.markup import escape

        marks = {True: "[green]ok[/]", False: "[red]MISS[/]"}
        lines = [
            (
                marks[r.ok],
                escape(r.name),
                "" if r.error is None else f"{r.error:.2e}",
                f"{r.tolerance:.0e}",
                escape(r.detail),
            )
            for r in rows
        ]
        print_table(("", "array", "max error", "tolerance", "detail"), lines)
        sys.stdout.write(f"{len(rows) - len(missed)} of {len(rows)} within tolerance\n")
    if missed:
        raise typer.Exit(1)
