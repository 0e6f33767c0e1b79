"""``vivace train``: the stages of a voice, and ``vivace train vocoder``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from vivace.cli.output import progress_bar
from vivace.train.command_line import app

__all__ = ["app", "vocoder"]


@app.command()
def vocoder(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="YAML file, described in docs/train_vocoder.md.")],
) -> None:
    """Train a Vocos on a folder of recordings. An interrupted run resumes with the same file."""
    from vivace.train.vocoder.config import load_config
    from vivace.train.vocoder.loop import train_vocoder

    def report(message: str) -> None:
        sys.stderr.write(f"warning: {message}\n")

    wanted = load_config(config)
    with progress_bar("training") as progress:
        weights = train_vocoder(wanted, report=report, progress=progress)
    sys.stdout.write(f"{weights}\n")
