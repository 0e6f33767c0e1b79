"""``vivace voices``: the voices a model has, and those you add."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from vivace.cli.output import print_fields, print_table
from vivace.types import LanguageChoice

app = typer.Typer(help="List, add, show and remove voices.", rich_markup_mode=None)

Name = Annotated[str, Argument(metavar="NAME", help="Name of the voice.")]
Model = Annotated[str | None, Option("--model", "-m", help="Folder or hub address. Default: the embedded voice.")]
Config = Annotated[Path | None, Option("--config", help="YAML file of settings.")]
AsJson = Annotated[bool, Option("--json", help="Print JSON, one voice on a line.")]


@app.command("list")
def list_voices(model: Model = None, config: Config = None, as_json: AsJson = False) -> None:
    """List the voices that --voice takes."""
    from vivace.pipeline.voice_catalog import known_voices
    from vivace.settings import TTSConfig

    listed = known_voices(TTSConfig.load(config, model=model))
    if as_json:
        for voice in listed:
            sys.stdout.write(json.dumps(asdict(voice), ensure_ascii=False) + "\n")
        return
    from rich.markup import escape

    rows = [(v.name, " ".join(v.languages), v.origin, escape(v.description)) for v in listed]
    print_table(("voice", "languages", "from", "description"), rows)


@app.command()
def show(name: Name, model: Model = None, config: Config = None, as_json: AsJson = False) -> None:
    """Show the properties of a voice."""
    from vivace.pipeline.voice_catalog import known_voice
    from vivace.settings import TTSConfig

    voice = asdict(known_voice(name, TTSConfig.load(config, model=model)))
    if as_json:
        sys.stdout.write(json.dumps(voice, ensure_ascii=False) + "\n")
        return
    print_fields(voice)


@app.command()
def add(
    name: Name,
    source: Annotated[
        str, Argument(help="Recording, speaker string (or a .txt file with one), .pt file or voice file.")
    ],
    transcript: Annotated[str | None, Option("--transcript", "-t", help="Exact transcript of the recording.")] = None,
    transcript_language: Annotated[
        LanguageChoice, Option("--transcript-language", help="Language of the transcript.")
    ] = "auto",
    languages: Annotated[str | None, Option("--languages", help="Languages of the voice, such as zh,en.")] = None,
    description: Annotated[str, Option("--description", help="Description of the voice.")] = "",
    overwrite: Annotated[bool, Option("--overwrite", help="Replace a voice of the same name.")] = False,
    model: Model = None,
    config: Config = None,
) -> None:
    """Add a voice. Use only a recording of a person who gave consent."""
    from vivace.pipeline.voice_catalog import add_voice
    from vivace.settings import TTSConfig

    settings = TTSConfig.load(config, model=model)
    spoken = tuple(languages.split(",")) if languages else ()
    path = add_voice(
        name,
        source,
        settings,
        transcript=transcript,
        transcript_language=transcript_language,
        languages=spoken,
        description=description,
        overwrite=overwrite,
    )
    sys.stdout.write(f"{path}\n")


@app.command()
def remove(name: Name, config: Config = None) -> None:
    """Remove an added voice."""
    from vivace.settings import TTSConfig
    from vivace.voices.store import VoiceStore

    VoiceStore(TTSConfig.load(config).paths.voices_dir).remove(name)
    sys.stdout.write(f"removed {name}\n")
