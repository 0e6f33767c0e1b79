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

Config = Annotated[Path | None, Option("--config", help="A YAML file of settings.")]
Precision = Literal["bfloat16", "int8", "int4"]
AsJson = Annotated[bool, Option("--json", help="As JSON, one model a line.")]


@app.command("list")
def list_models(config: Config = None, as_json: AsJson = False) -> None:
    """List the models that --model takes by name, and whether they are on this machine."""
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
def pull(model: Annotated[str, Argument(help="A hub address.")], config: Config = None) -> None:
    """Download a model, or the part of it that is missing, and check every file against its published sha256."""
    from vivace.pipeline.checkpoints import pull_model
    from vivace.settings import TTSConfig

    with progress_bar(f"pulling {model}") as progress:
        folder = pull_model(model, TTSConfig.load(config), progress=progress)
    sys.stdout.write(f"{folder}\n")


@app.command()
def convert(
    source: Annotated[Path, Argument(help="A folder with legacy .pt, .pth or .ckpt files.")],
    target: Annotated[Path, Argument(help="A folder to make, for --model.")],
    version: Annotated[
        str | None, Option(help="GPT-SoVITS: which base models to take, or what an unmarked file is.")
    ] = None,
    gpt: Annotated[Path | None, Option(help="GPT-SoVITS: a fine-tuned GPT model (.ckpt).")] = None,
    sovits: Annotated[Path | None, Option(help="GPT-SoVITS: a fine-tuned SoVITS model (.pth).")] = None,
    base: Annotated[Path | None, Option(help="GPT-SoVITS: the model that a low-rank SoVITS file changes.")] = None,
) -> None:
    """Turn a ChatTTS or GPT-SoVITS checkpoint into safetensors. Pickles are read weights-only: no code of theirs runs.

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
    model: Annotated[str, Argument(help="A folder or hub address of a ChatTTS model.")],
    target: Annotated[Path, Argument(help="A folder to make, for --model.")],
    precision: Annotated[Precision, Option("--precision", help="Of the language model's matrices.")] = "int8",
    config: Config = None,
) -> None:
    """Write a model whose language model has fewer bits: it loads faster and speaks as with --precision at load."""
    from vivace.pipeline.checkpoints import quantize_model
    from vivace.settings import TTSConfig

    folder = quantize_model(TTSConfig.load(config, model=model), target, precision)
    sys.stdout.write(f"{folder}  {sum(file.stat().st_size for file in folder.rglob('*')) / 1e6:,.0f} MB\n")


@app.command()
def show(
    model: Annotated[str | None, Argument(help="A folder or hub address; else the embedded voice.")] = None,
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
