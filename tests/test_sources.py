"""Every source that a docstring cites can be found: a paper, a section of a page of docs/specs, a named source."""

import ast
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parents[1]
SPECS = ROOT / "docs" / "specs"
ROW = re.compile(r"^\| ([^|\n]+) \| ([^|\n]+) \|$", re.MULTILINE)
NUMBER = r"(?:\d+(?:\.\d+)*|appendix [A-Z])"
SECTIONS = re.compile(
    rf"(?:sections? )?({NUMBER}(?:(?:, | and | to |, and ){NUMBER})*)"
    r" of the ([\w-]+(?: [\w-]+){0,2} facts|model facts)"
)
PUBLISHED = re.compile(r"arXiv:\d{4}\.\d{4,5}|doi:10\.\d{4,}|ISBN")
BOOK = re.compile(r"\*[^*]+\*|\b[A-Z][\w-]+(?: and [A-Z][\w-]+| et al\.)?,? (?:\"[^\"]+\", )?(?:\w+ )?(?:19|20)\d\d")


def rows() -> list[tuple[str, str]]:
    return [(name.strip(), place.strip()) for name, place in ROW.findall((SPECS / "README.md").read_text("utf-8"))]


def pages() -> dict[str, Path]:
    """The page of each name under which code cites one."""
    found: dict[str, Path] = {}
    for names, place in rows():
        if link := re.search(r"\((\w+\.md)\)", place):
            found |= {name.strip().removeprefix("the "): SPECS / link[1] for name in names.split(",")}
    return found


def named_sources() -> list[str]:
    return [name for name, place in rows() if ".md)" not in place and name != "cited as" and not name.startswith("--")]


def headings(page: Path) -> set[str]:
    text = page.read_text(encoding="utf-8")
    return {found.rstrip(".").lower() for found in re.findall(r"^#{2,4} (\d[\d.]*|Appendix [A-Z])", text, re.MULTILINE)}


def docstrings() -> Iterator[tuple[str, str]]:
    """Where, and the text on one line, of every docstring of the package."""
    for path in sorted((ROOT / "vivace").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                text = ast.get_docstring(node)
                if text:
                    yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}", text


def comments() -> Iterator[tuple[str, str]]:
    """Where, and the text of, every run of whole-line comments of the package."""
    for path in sorted((ROOT / "vivace").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        for found in re.finditer(r"(?:^ *#.*\n)+", text, re.MULTILINE):
            place = f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, found.start()) + 1}"
            yield place, re.sub(r"^ *#", "", found[0], flags=re.MULTILINE)


def test_every_cited_section_is_a_heading() -> None:
    known = pages()
    missing = []
    for place, text in chain(docstrings(), comments()):
        for numbers, name in SECTIONS.findall(" ".join(text.split())):
            if name not in known:
                missing.append(f"{place}: no page for the {name}")
                continue
            cited = re.findall(NUMBER, numbers)
            missing += [
                f"{place}: {known[name].name} has no section {n}"
                for n in cited
                if n.lower() not in headings(known[name])
            ]
    assert missing == []


def test_facts_are_cited_with_their_page() -> None:
    """ "The facts" alone, or a section of nothing, leads nowhere."""
    dangling = []
    for place, text in chain(docstrings(), comments()):
        line = " ".join(text.split())
        rest = re.sub(r"arXiv:\S+ sections? [\d.]+( to [\d.]+)?", "", SECTIONS.sub("", line))
        if re.search(r"\bfacts\b|\bsections? \d+(?:\.\d+)*\b(?!_)(?! of \w)", rest):
            dangling.append(f"{place}: {line[:120]}")
    assert dangling == []


def test_every_source_is_published_or_listed() -> None:
    named = named_sources()
    unknown = []
    for place, text in docstrings():
        for source in re.findall(r"Source: (.*?)(?:\n\s*\n|\Z)", text, re.DOTALL):
            line = " ".join(source.split())
            found = PUBLISHED.search(line) or SECTIONS.search(line) or BOOK.search(line)
            if not (found or "docs/specs/" in line or any(name in line for name in named)):
                unknown.append(f"{place}: {line[:120]}")
    assert unknown == []


def test_pages_of_the_table_exist() -> None:
    assert pages()
    assert [page for page in pages().values() if not headings(page)] == []
