"""``vivace doctor``, ``vivace verify``, ``vivace eval``: is the installation complete, exact, and how does it sound."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vivace.cli.output import print_table, progress_bar
from vivace.errors import InputError

MARKS = {"ok": "[green]ok[/]", "absent": "[yellow]--[/]", "broken": "[red]!![/]"}


def doctor(
    config: Annotated[Path | None, typer.Option("--config", help="YAML file of settings.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as one JSON list.")] = False,
) -> None:
    """Check every part: torch, devices, text, the embedded voice, encoders, folders. Exit code 1 if one fails."""
    from vivace.pipeline.doctor import diagnose
    from vivace.settings import TTSConfig

    findings = diagnose(TTSConfig.load(config))
    if as_json:
        sys.stdout.write(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False) + "\n")
    else:
        from rich.markup import escape

        rows = [(MARKS[f.status], f.name, escape(f.found + (f" → {f.advice}" if f.advice else ""))) for f in findings]
        print_table(("", "part", "found"), rows)
    if any(finding.status == "broken" for finding in findings):
        raise typer.Exit(1)


def verify(
    folder: Annotated[
        Path, typer.Argument(metavar="GOLDENS_DIR", help="Folder with a manifest, a checkpoint and arrays.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each row.")] = False,
) -> None:
    """Compare the checkpoint in GOLDENS_DIR with its recorded arrays. Exit code 1 if one misses its tolerance."""
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


eval_app = typer.Typer(help="Measure a vocoder.", rich_markup_mode=None)

ROWS = (  # field of the summary, what a reader is told, digits
    ("mel_distance", "mel distance (natural log), less is better", 4),
    ("stft_distance", "multi-resolution STFT distance, less", 4),
    ("pesq", "PESQ wide band, 1.04 to 4.64, more", 3),
    ("periodicity_error", "periodicity error, less", 4),
    ("voicing_f1", "voiced/unvoiced F1, more", 4),
    ("pitch_error_cents", "pitch error (cents), less", 1),
)


@eval_app.callback()
def evaluate() -> None:
    """Measure a vocoder."""


@eval_app.command("vocoder")
def evaluate_vocoder(
    folder: Annotated[Path, typer.Argument(metavar="AUDIO", help="Folder of recordings.")],
    weights: Annotated[
        list[Path] | None, typer.Option("--weights", "-w", help="Weights of a Vocos. Repeat it for more columns.")
    ] = None,
    generated: Annotated[
        Path | None, typer.Option(help="Folder of copies from another program, with the same file names.")
    ] = None,
    mel_floor: Annotated[
        float | None, typer.Option(help="Smallest mel value for the vocoder (natural logarithm).")
    ] = None,
    gain: Annotated[float | None, typer.Option(min=0.01, help="Loudness of the vocoder relative to its mel.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Number of recordings, spread over the folder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each set of weights.")] = False,
    details: Annotated[bool, typer.Option("--details", help="Also print each recording, with --json.")] = False,
) -> None:
    """Resynthesize the recordings in AUDIO and measure the copies. Default: the embedded vocoder."""
    from vivace.train.vocoder.evaluate import evaluate_generated, evaluate_weights, summary

    if generated is not None and (weights or mel_floor is not None):
        raise InputError("--generated compares files as they are; leave --weights and --mel-floor out")

    def report(message: str) -> None:
        sys.stderr.write(f"warning: {message}\n")

    columns = {}
    names: list[Path | None] = [*weights] if weights else [generated]
    for name in names:
        with progress_bar(f"measuring {name or 'the embedded voice'}") as progress:
            if generated is not None:
                measured = evaluate_generated(folder, generated, limit=limit, report=report, progress=progress)
            else:
                measured = evaluate_weights(
                    folder, name, mel_floor=mel_floor, gain=gain, limit=limit, report=report, progress=progress
                )
        columns[str(name or "embedded")] = (summary(measured), measured)
    if as_json:
        for column, (total, measured) in columns.items():
            rows = {"recordings": [asdict(each) for each in measured]} if details else {}
            sys.stdout.write(json.dumps({"vocoder": column, **asdict(total), **rows}, ensure_ascii=False) + "\n")
        return
    totals = [asdict(total) for total, _ in columns.values()]
    values = [
        (told, *("not installed" if total[field] is None else f"{total[field]:.{digits}f}" for total in totals))
        for field, told, digits in ROWS
    ]
    print_table(("", *columns), values)
    sys.stdout.write(f"{totals[0]['copies']} copies, {totals[0]['seconds']:,.0f} s\n")
