"""`--help` of every command: plain sentences, with a word for every argument and option."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from vivace.cli.main import app

PRONOUN = re.compile(r"(what|whom?|whoever|whose|which|those|these|that|this|it|they|how|where|whether|of)\b", re.I)
BRITISH = re.compile(r"normalis|optimis|quantis|synthesis(e|ing)|colour|behaviour|cancelled", re.I)


def commands(group: Any, name: str = "vivace") -> Iterator[tuple[str, Any]]:
    yield name, group
    for key, command in getattr(group, "commands", {}).items():
        yield from commands(command, f"{name} {key}")


ALL = dict(commands(typer.main.get_command(app)))


def test_every_command_is_found() -> None:
    assert {
        "vivace say",
        "vivace serve",
        "vivace models pull",
        "vivace text phones",
        "vivace train voice",
    } <= ALL.keys()


@pytest.mark.parametrize("name", ALL)
def test_help_is_written_in_plain_sentences(name: str) -> None:
    command = ALL[name]
    texts = {name: command.help or ""}
    for parameter in command.params:
        if parameter.name != "help":
            texts[f"{name} {parameter.name}"] = getattr(parameter, "help", None) or ""
    for where, text in texts.items():
        assert text, f"{where} has no help"
        first = " ".join(text.split("\n\n")[0].split())
        assert first.endswith((".", ")")), f"{where}: {first}"
        assert first[0].isupper(), f"{where}: {first}"
        assert not PRONOUN.match(first), f"{where}: {first}"
        assert not BRITISH.search(text), f"{where}: {first}"
