"""``vivace models``: checkpoints on this machine and on the hub."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer import Argument, Option

from vivace.cli.output import print_fields, print_table, progress_bar

app = typer.Typer(help="List, pull, convert and show models.", rich_markup_mode=None)

Config = Annotated[Path | None, Option("--config", help="YAML file of settings.")]
Precision = Literal["bfloat16", "int8", "int4"]
AsJson = Annotated[bool, Option("--json", help="Print JSON, one model on a line.")]


@app.command("list")
def list_models(config: Config = None, as_json: AsJson = False) -> None:
    """List the models that --model takes by name, and show which are on this machine."""
    from vivace.pipeline.checkpoints import known_models
    from vivace.settings import TTSConfig

    listed = known_models(TTSConfig.load(config))
    if as_json:
        for model in listed:
            sys.stdout.write(json.dumps(asdict(model), default=str) + "\n")
        return
    rows = [
        (
            m.name,
            f"{m.megabytes:,.0f} MB" if m.folder else "",
            str(m.folder or "not here: vivace models pull " + m.name),
        )
        for m in listed
    ]
    print_table(("model", "size", "folder"), rows)


@app.command()
def pull(model: Annotated[str, Argument(help="Hub address.")], config: Config = None) -> None:
    """Download a model, or the part of it that is missing, and check every file against its published sha256."""
    from vivace.pipeline.checkpoints import pull_model
    from vivace.settings import TTSConfig

    with progress_bar(f"pulling {model}") as progress:
        folder = pull_model(model, TTSConfig.load(config), progress=progress)
    sys.stdout.write(f"{folder}\n")


@app.command()
def convert(
    source: Annotated[Path, Argument(help="Folder with .pt, .pth or .ckpt files.")],
    target: Annotated[Path, Argument(help="Folder to create, for --model.")],
    version: Annotated[
        str | None, Option(help="GPT-SoVITS: version of the base models, or of a file without a version.")
    ] = None,
    gpt: Annotated[Path | None, Option(help="GPT-SoVITS: fine-tuned GPT model (.ckpt).")] = None,
    sovits: Annotated[Path | None, Option(help="GPT-SoVITS: fine-tuned SoVITS model (.pth).")] = None,
    base: Annotated[Path | None, Option(help="GPT-SoVITS: base model of a low-rank SoVITS file.")] = None,
) -> None:
    """Convert a ChatTTS or GPT-SoVITS checkpoint to safetensors. Pickles are read without running code.

    A GPT-SoVITS source is a folder of pretrained models, with --version, or one that holds a single pair.
    """
    from vivace.pipeline.checkpoints import convert_model

    with progress_bar("converting") as progress:
        report = convert_model(source, target, version=version, gpt=gpt, sovits=sovits, base=base, progress=progress)
    for note in report.notes:
        sys.stderr.write(f"note: {note}\n")
    sys.stdout.write(f"{report.target}  {len(report.files)} files\n")


@app.command()
def quantize(
    model: Annotated[str, Argument(help="Folder or hub address of a ChatTTS model.")],
    target: Annotated[Path, Argument(help="Folder to create, for --model.")],
    precision: Annotated[Precision, Option("--precision", help="Precision of the language model's matrices.")] = "int8",
    config: Config = None,
) -> None:
    """Write a model with a quantized language model. It loads faster, with the same speech as --precision."""
    from vivace.pipeline.checkpoints import quantize_model
    from vivace.settings import TTSConfig

    folder = quantize_model(TTSConfig.load(config, model=model), target, precision)
    sys.stdout.write(f"{folder}  {sum(file.stat().st_size for file in folder.rglob('*')) / 1e6:,.0f} MB\n")


@app.command()
def show(
    model: Annotated[str | None, Argument(help="Folder or hub address. Default: the embedded voice.")] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show a model's sizes, languages and files."""
    from vivace.pipeline.checkpoints import describe_model
    from vivace.settings import TTSConfig

    card = asdict(describe_model(TTSConfig.load(config, model=model)))
    if as_json:
        sys.stdout.write(json.dumps(card, default=str) + "\n")
        return
    print_fields(card)
