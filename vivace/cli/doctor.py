"""``vivace doctor``: what works here, and what to install."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vivace.cli.table import print_table

MARKS = {"ok": "[green]ok[/]", "absent": "[yellow]--[/]", "broken": "[red]!![/]"}


def doctor(
    config: Annotated[Path | None, typer.Option("--config", help="A YAML file of settings.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The findings as one JSON list.")] = False,
) -> None:
    """Try every part: torch, devices, text, the embedded voice, encoders, folders. Exit 1 when one is broken."""
    from vivace.pipeline.checkup import check_up
    from vivace.settings import TTSConfig

    findings = check_up(TTSConfig.load(config))
    if as_json:
        sys.stdout.write(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False) + "\n")
    else:
        from rich.markup import escape

        rows = [(MARKS[f.status], f.name, escape(f.found + (f" → {f.advice}" if f.advice else ""))) for f in findings]
        print_table(("", "part", "found"), rows)
    if any(finding.status == "broken" for finding in findings):
        raise typer.Exit(1)
