"""The README and the documentation run: Python blocks as they stand, ``vivace`` commands in an empty folder."""

import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(?P<language>\w*)[^\n]*\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
INSTALLING = ("scripts/say", "scripts/test", "scripts/check")  # each makes a .venv: what a fresh clone is checked with
NEEDS_NETWORK = ("2Noise/ChatTTS",)


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
    return [command for command in commands if not command.startswith(INSTALLING)]


def needs_network(text: str) -> bool:
    return any(name in text for name in NEEDS_NETWORK)


def prepare(folder: Path) -> Path:
    """The files that the pages speak of."""
    (folder / "chapter.txt").write_text("It was a bright cold day in April. 钟敲了十三下。\n", encoding="utf-8")
    return folder


def test_the_pages_have_blocks_to_run() -> None:
    assert any(block.page.name == "README.md" for block in PYTHON)
    assert any(block.page.name == "README.md" for block in SHELL)


def test_every_block_names_its_language() -> None:
    assert [str(block) for block in BLOCKS if not block.language] == []


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_python_blocks_run(block: Block, tmp_path: Path) -> None:
    if needs_network(block.body):
        pytest.skip("downloads a model")
    script = prepare(tmp_path) / "block.py"
    script.write_text(block.body, encoding="utf-8")
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_shell_blocks_run(block: Block, tmp_path: Path) -> None:
    prepare(tmp_path)
    vivace = f"{shlex.quote(sys.executable)} -c 'from vivace.cli.main import run; run()'"
    for command in commands_of(block):
        if needs_network(command) or not re.search(r"\bvivace\b", command):
            continue
        runnable = re.sub(r"(^|[|;&] *|\$\()vivace\b", lambda found: found[1] + vivace, command)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", runnable], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{page.name}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []
