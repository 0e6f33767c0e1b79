"""The README and the documentation run: Python blocks as they stand, ``vivace`` commands in an empty folder."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest
from fakes.server import running

from vivace import TTS, TTSConfig
from vivace.cli.main import exit_code
from vivace.serve.backend import TTSBackend

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(?P<language>\w*)[^\n]*\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
INSTALLING = ("scripts/say", "scripts/test", "scripts/check")  # each makes a .venv: what a fresh clone is checked with
STARTING = ("vivace serve", "pip install")  # what runs until it is stopped, or changes the environment
SERVED = "127.0.0.1:8880"  # pages that speak to this address get a server
NAMED_FILE = re.compile(r"`([\w.-]+(?:/[\w.-]+)*\.(?:py|c|h|tsv|sh))`")
INLINE_CODE = re.compile(r"`[^`\n]*`")
CPU_KIND = re.compile(r"AVX-?(2|512)|every CPU kind")
SHELL_SYNTAX = {"|", ">", "<", "&&"}


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: Path
    line: int
    language: str
    body: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found["language"], found["body"])
        for found in FENCE.finditer(text)
    ]


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
PYTHON = [block for block in BLOCKS if block.language == "python"]
SHELL = [block for block in BLOCKS if block.language in {"sh", "bash", "console"}]


def commands_of(block: Block) -> list[str]:
    """The commands of a shell block, continued lines joined, comments and installing ones left out."""
    lines = block.body.replace("\\\n", " ").splitlines()
    commands = [line.removeprefix("$ ").strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return [command for command in commands if not command.startswith(INSTALLING) and not _starts(command)]


def _starts(command: str) -> bool:
    return command.startswith(STARTING) and "--print-config" not in command


def test_the_pages_have_blocks_to_run() -> None:
    assert any(block.page.name == "README.md" for block in PYTHON)
    assert any(block.page.name == "README.md" for block in SHELL)


def test_every_block_names_its_language() -> None:
    assert [str(block) for block in BLOCKS if not block.language] == []


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with the files that the pages speak of and ``vivace`` on the path."""
    (tmp_path / "chapter.txt").write_text("It was a bright cold day in April. 钟敲了十三下。\n", encoding="utf-8")
    (tmp_path / "vivace.yaml").write_text("server: {max_queue: 8}\n", encoding="utf-8")
    tools = tmp_path / "tools"
    tools.mkdir()
    run = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c "from vivace.cli.main import run; run()" "$@"\n'
    (tools / "vivace").write_text(run, encoding="utf-8")
    (tools / "vivace").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a server with the embedded voice listens, for the pages that speak to one."""
    kept = tmp_path_factory.mktemp("server")
    paths = {"cache_dir": kept / "cache", "voices_dir": kept / "voices"}
    config = TTSConfig(paths=paths, server={"port": 0, "warm_up": False})
    with TTS(config=config) as tts, running(TTSBackend.of(tts), config) as server:
        server.service.ready = True
        yield f"127.0.0.1:{server.port}"


def addressed(block: Block, request: pytest.FixtureRequest) -> Block:
    """The block with the address of a server that is really there."""
    if SERVED not in block.body:
        return block
    return replace(block, body=block.body.replace(SERVED, request.getfixturevalue("address")))


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_python_blocks_run(block: Block, folder: Path, request: pytest.FixtureRequest) -> None:
    exec(compile(addressed(block, request).body, str(block), "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_shell_blocks_run(
    block: Block, folder: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    for command in commands_of(addressed(block, request)):
        words = shlex.split(command, comments=True)
        if words[0] == "vivace" and not SHELL_SYNTAX & set(words):
            assert exit_code(words[1:]) == 0, capsys.readouterr().err  # here, where torch is loaded already
        else:
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], capture_output=True, text=True)
            assert done.returncode == 0, f"{command}\n{done.stderr}"


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{page.name}: {target}"
        for page in PAGES
        for target in re.findall(
            r"\]\((?!https?://|#)([^)#]+)", INLINE_CODE.sub("", FENCE.sub("", page.read_text(encoding="utf-8")))
        )
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_every_table_of_the_benchmarks_names_the_kind_of_cpu() -> None:
    """In its caption, the paragraph before it, or in its header."""
    blocks = "\n\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "benchmarks").glob("*.md")).split("\n\n")
    tables = [(before, table) for before, table in pairwise(blocks) if table.startswith("|")]
    assert len(tables) > 20
    nameless = [table.splitlines()[0] for before, table in tables if not CPU_KIND.search(before + table)]
    assert nameless == []


def test_files_that_pages_name_are_there() -> None:
    """As a path from the root or the end of one; names in capitals stand for any name."""
    tracked = [path.relative_to(ROOT).as_posix() for path in (ROOT / "vivace").rglob("*") if path.is_file()]
    for folder in ("tests", "benchmarks", "scripts", "recipes", "docs"):
        tracked += [path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*") if path.is_file()]
    ends = {name[at + 1 :] for name in tracked for at in (-1, *(i for i, c in enumerate(name) if c == "/"))}
    pages = [*PAGES, *sorted((ROOT / "benchmarks").glob("*.md")), *sorted((ROOT / "recipes").rglob("*.md"))]
    named = [(page.name, name) for page in pages for name in NAMED_FILE.findall(page.read_text(encoding="utf-8"))]
    assert len(named) > 50
    ends.add("utils.py")  # there is none, and there must not be
    assert [(page, name) for page, name in named if name not in ends and not re.search(r"[A-Z]{3}", name)] == []
