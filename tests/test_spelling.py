"""American spelling everywhere: one spelling, so that one search finds all places."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BRITISH = re.compile(
    r"""
      (quant|normal|optim(?=is(?!t|m))|recogn|initial|organ|serial|token|penal|capital|maxim|minim|summar|random|custom
        |vector|parallel|standard|categor|general|special|final|util|character|memor|stabil)is(e|ed|er|ers|es|ing|ation)\w*
    | synthesis(e|ed|er|es|ing)\b
    | analys(e|ed|er|ing)\b
    | (col|behavi|neighb|fav|hon|lab|flav|vap)our\w*
    | (model|label|level|cancel(?!led\b)|signal|travel|channel)l(ed|er|ing)\b
    | \b(centre|centred|metre|litre|fibre|grey|licence|defence|offence)s?\b
    | \b(judgement|artefact|learnt|burnt|spelt|whilst|programme)s?\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
# asyncio spells ``CancelledError`` and ``cancelled()``, a message of an API is ``audio.cancelled``: left out above.
NAMES = re.compile(r"settings_customise_sources|Initialise(Context|Connection)\w*")  # pydantic's, ElevenLabs'
OLD_NAME = re.compile(r"optimi[sz]er|normali[sz]er|recognis", re.IGNORECASE)  # public names that work for one release
OLD_NAMES_IN = {
    "CHANGELOG.md",
    "benchmarks/voice.py",
    "docs/changes_0.2.0.md",
    "tests/text/test_overrides.py",
    "tests/train/vocoder/test_vocoder_config.py",
    "vivace/pipeline/tts.py",
    "vivace/text/__init__.py",
    "vivace/text/normalize.py",
    "vivace/text/phonemes.py",
    "vivace/text/segmenter.py",
    "vivace/text/split.py",
    "vivace/train/vocoder/config.py",
}
RECORDED = "tests/goldens/"  # pages that came with the recorded arrays; the hash of one is a row of ``vivace verify``
LISTS_OF_WORDS = {"tests/cli/test_help.py", "tests/serve/test_openapi.py", "tests/test_spelling.py"}
WRITTEN = {".py", ".md", ".c", ".h", ".toml", ".yaml", ".sh", ".html"}  # text cases and tables hold all spellings


def written_files() -> Iterator[Path]:
    done = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("no checkout of git")
    for name in done.stdout.split("\0"):
        if Path(name).suffix in WRITTEN and (ROOT / name).is_file():
            yield ROOT / name


def test_the_spelling_is_american() -> None:
    found = []
    for path in written_files():
        name = path.relative_to(ROOT).as_posix()
        if name in LISTS_OF_WORDS or name.startswith(RECORDED):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            old = name in OLD_NAMES_IN and OLD_NAME.search(line)
            if BRITISH.search(line) and not old and not NAMES.search(line):
                found.append(f"{name}:{number}: {line.strip()[:100]}")
    assert found == []


@pytest.mark.parametrize("word", ["normalised", "colours", "quantiser", "analysing", "labelled", "licence"])
def test_british_words_are_found(word: str) -> None:
    assert BRITISH.search(word)


@pytest.mark.parametrize("word", ["synthesis", "optimism", "analysis", "color", "our", "cancelled", "promise"])
def test_american_words_are_not(word: str) -> None:
    assert not BRITISH.search(word)
