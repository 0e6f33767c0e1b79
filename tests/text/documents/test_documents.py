"""Documents: every format, ``auto`` on text that is none, spans, fragments, cost."""

import random
import re
import time
from pathlib import Path

import pytest

from vivace.errors import InputError
from vivace.text import Segmenter, normalize, phones, split
from vivace.text.documents import DocumentOptions, DocumentReader, plain_text, read_document
from vivace.text.documents.latex import spoken
from vivace.types import TextFormat

HERE = Path(__file__).parent
CASES = sorted((HERE / "cases").glob("*.tsv"))
DOCUMENTS = [line.split("\t")[0].replace("⏎", "\n") for path in CASES for line in path.read_text("utf-8").splitlines()]
PLAIN = [
    line.split("\t")[0].replace("⏎", "\n")
    for folder in ("cases", "acceptance")
    for path in sorted((HERE.parent / folder).glob("*.tsv"))
    for line in path.read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]
# What these hold is markup indeed: the rest of those files is plain text.
MARKUP = re.compile(r"\]\(|\*\*|__|`|<[a-z/]|^#|&[a-z#]|\$.*\$|\\|[*~]\S+[*~]|_\w+_|^>|\n|\[[0-9]", re.MULTILINE)


@pytest.mark.parametrize("path", CASES, ids=lambda path: str(path.stem))
def test_cases(path: Path) -> None:
    lines = [line.replace("⏎", "\n") for line in path.read_text(encoding="utf-8").split("\n")[1:] if line]
    assert len(lines) >= 10
    rows = [line.split("\t") for line in lines]
    wrong = [(written, want, got) for written, want in rows if (got := normalize(written)) != want]
    assert wrong == []


def test_number_of_an_item_stands_in_the_line_of_its_paragraph() -> None:
    loose = "1. **Size**: large\n\n   More of it.\n\n2. Price\n"
    assert normalize(loose, format="markdown") == normalize(loose) == "one. Size: large\nMore of it.\ntwo. Price"
    assert normalize("- a\n\n- b", format="markdown") == "a\nb"


def test_footnotes_are_silent_in_markdown() -> None:
    assert normalize("It rained.[^a]\n\n[^a]: In May.", format="markdown") == "It rained.\nIn May."


def test_check_marks_of_tables_have_their_names_where_emoji_have() -> None:
    table = "| Kind | A | B |\n|---|---|---|\n| x | ✅ | - |"
    assert normalize(table) == "x: A yes."
    assert normalize(table, format=DocumentOptions(emoji="name")) == "x: A check mark button."


def test_auto_leaves_thousands_of_plain_lines_as_they_are() -> None:
    lines = [line for line in PLAIN if not MARKUP.search(line)]
    assert len(lines) >= 2000
    assert [line for line in lines if plain_text(line) != line] == []


def test_auto_leaves_lines_of_the_books_of_fortunes_as_they_are() -> None:
    books = [path for path in sorted(Path("/usr/share/games/fortunes").glob("*")) if not path.suffix]
    if not books:
        pytest.skip("no fortunes; apt-get install fortunes fortunes-min")
    lines = [line for book in books for line in book.read_text("utf-8", "replace").split("\n")]
    assert len(lines) >= 3000
    changed = [(line, plain_text(line)) for line in lines if plain_text(line) != line]
    # Words in *asterisks* or _underscores_ and the like lose their marks, and nothing else of the line.
    kept = [(a, b) for a, b in changed if re.sub(r"[^\w]|_", "", a) != re.sub(r"[^\w]|_", "", b)]
    assert len(kept) <= len(lines) // 2000, kept
    assert len(changed) <= len(lines) // 100


@pytest.mark.parametrize("format", ["auto", "plain", "markdown", "html", "subtitles"])
def test_parts_cover_the_document_in_order(format: TextFormat) -> None:
    for document in DOCUMENTS:
        plain, source_map, parts = read_document(document, format)
        assert [part.start for part in parts] == [0, *(part.end for part in parts)][: len(parts)]
        assert (parts[-1].end if parts else 0) == len(document)
        assert all(document[part.start : part.end] == part.text for part in parts if part.rule is None)
        assert plain == "".join(part.text for part in parts)
        starts = [source_map.start(position) for position in range(len(plain))]
        assert starts == sorted(starts)
        if format == "plain":
            assert plain == document


@pytest.mark.parametrize("format", ["auto", "plain", "markdown", "html", "subtitles"])
def test_the_plain_text_is_the_same_in_any_fragmentation(format: TextFormat) -> None:
    drawn = random.Random(5)
    mixed = ["\n\n".join(drawn.sample(DOCUMENTS, 6)) for _ in range(40)] + [" ".join(PLAIN[:400])]
    for document in [*DOCUMENTS, *mixed]:
        for emoji in ("omit", "name"):
            options = DocumentOptions(format, emoji=emoji)
            whole = read_document(document, options)[0]
            for longest in (1, 7, 60):
                reader, said, position = DocumentReader(options), "", 0
                while position < len(document):
                    step = drawn.randint(1, longest)
                    said += "".join(part.text for part in reader.push(document[position : position + step]))
                    position += step
                assert said + "".join(part.text for part in reader.finish()) == whole, document


def test_pieces_of_documents_are_the_same_in_any_fragmentation() -> None:
    text = "# Title\n\nYou need **3** eggs; see [the page](https://example.com/x).\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    segmenter = Segmenter()
    pieces = [piece for char in text for piece in segmenter.push(char)]
    assert pieces + segmenter.finish() == split(text)


def test_words_know_where_they_stand_in_the_document() -> None:
    document = "## Shopping\n\nBuy **12** eggs &amp; [milk](https://example.com/milk)."
    spans = {word.text: document[word.start : word.end] for word in phones(document)}
    assert spans["Shopping"] == "Shopping"
    assert spans["twelve"] == "12"
    assert spans["and"].strip() == "&amp;"
    assert spans["milk"] == "milk"
    page = "<p>A <b>big</b> caf&eacute;<br>6 cats</p>"
    spans = {word.text: page[word.start : word.end] for word in phones(page)}
    assert (spans["big"], spans["café"], spans["six"]) == ("big", "caf&eacute;", "6")
    film = "1\n00:00:01,000 --> 00:00:02,000\nHello 2 you."
    assert film[slice(*next((w.start, w.end) for w in phones(film) if w.text == "two"))] == "2"


def test_prose_is_given_on_as_it_comes() -> None:
    reader = DocumentReader()
    assert "".join(p.text for p in reader.push("The first sentence is here. And the sec")) == (
        "The first sentence is here. And the "
    )
    reader = DocumentReader()
    assert "".join(p.text for p in reader.push("Take **3")) == "Take "
    assert "".join(p.text for p in reader.push("** eggs.\n\nGo on")) == "3 eggs.\n\n"


def test_plain_takes_every_sign_as_it_stands() -> None:
    assert normalize("## Notes", format="plain") == "hash hash Notes"
    assert normalize("The river⏎rose".replace("⏎", "\n"), format="plain") == "The river\nrose"


def test_markdown_reads_what_auto_leaves_alone() -> None:
    assert plain_text("one\ntwo") == "one\ntwo"
    assert plain_text("one\ntwo", "markdown") == "one two"
    assert plain_text("第一行\n第二行", "markdown") == "第一行第二行"
    assert plain_text("Text.\n\n    x = 1\n\nMore.", "markdown") == "Text.\ncode block\nMore."
    assert plain_text("See [the docs][1].\n\n[1]: https://example.com", "markdown").strip() == "See the docs."
    assert plain_text("- one\n\n  two\n\nthree", "markdown") == "one\ntwo\nthree"


def test_code_is_named_or_left_out_and_emoji_too() -> None:
    code = "Run:\n```\nx\n```\nDone."
    assert plain_text(code) == "Run:\ncode block\nDone."
    assert plain_text(code, DocumentOptions(code_blocks="omit")) == "Run:\nDone."
    assert normalize("Nice 🎉!", format=DocumentOptions(emoji="name")) == "Nice party popper!"
    assert normalize("真好🎉！", format=DocumentOptions(emoji="name")) == "真好 拉炮彩带！"
    assert normalize("Nice 🎉!") == "Nice!"


def test_choices_that_do_not_exist_are_refused() -> None:
    for make in (
        lambda: normalize("x", format="word"),  # type: ignore[arg-type]
        lambda: DocumentOptions(code_blocks="read"),  # type: ignore[arg-type]
        lambda: DocumentOptions(emoji="draw"),  # type: ignore[arg-type]
    ):
        with pytest.raises(InputError, match="choose"):
            make()


@pytest.mark.parametrize(
    ("source", "english", "chinese"),
    [
        (r"\int_0^1 x\,dx", "the integral from 0 to 1 of x d x", "从0到1积分 x d x"),
        (
            r"\lim_{x \to 0} \frac{\sin x}{x}",
            "the limit as x approaches 0 of sine x over x",
            "当 x 趋于0时极限 x 分之正弦 x",
        ),
        (r"\binom{n}{k}", "n choose k", "n 选 k"),
        (r"-b \pm \sqrt{b^2-4ac}", "minus b plus or minus the square root of b squared minus 4 A c", None),
        (r"\sqrt[3]{8} \neq 3", "the cube root of 8 does not equal 3", "三次根号8不等于3"),
        (r"\vec{v} \cdot \hat{n}", "vector v times n hat", None),
        (r"90^{\circ}", "90 degrees", "90度"),
        (r"\text{speed} \geq 5", "speed is greater than or equal to 5", "speed 大于等于5"),
        (r"a \Rightarrow b", "A implies b", "a 推出 b"),
        (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", "1, 2, 3, 4", "1, 2, 3, 4"),
        (r"n!", "n factorial", "n 的阶乘"),
    ],
)
def test_formulas(source: str, english: str | None, chinese: str | None) -> None:
    assert english is None or spoken(source, "en") == english
    assert chinese is None or spoken(source, "zh") == chinese


BOMBS = {
    "divs": "<div>" * 30_000,
    "tags": "<a href=x><b " * 10_000,
    "tables": "<table><tr><td>" * 8_000,
    "comments": "<!--" * 30_000,
    "entities": "&amp;&#39;&x" * 10_000,
    "scripts": "<script>a" * 10_000,
    "ruby": "<ruby>a<rt>b" * 8_000,
    "brackets": "[" * 60_000,
    "links": "[a](" * 20_000,
    "images": "![[" * 20_000,
    "quotes": "> " * 30_000,
    "lists": "- " * 30_000 + "x",
    "stars": "*a **b " * 10_000,
    "backticks": "".join("`" * n + " " for n in range(1, 350)),
    "dollars": "$a" * 30_000,
    "braces": "$" + "{" * 30_000 + "$ $" + "\\frac{" * 900 + "$",
    "pipes": "|a" * 20_000 + "\n" + "|-" * 20_000,
    "fences": "```\n" * 15_000,
    "cues": "1\n00:00:01,000 --> 00:00:02,000\n<i>" * 1_500,
    "lyrics": "[00:01.00]" * 8_000,
    "lines": "a\n" * 30_000,
    "backslashes": "\\(" * 30_000,
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("format", ["auto", "markdown", "html", "subtitles"])
def test_hostile_documents_cost_little(name: str, format: TextFormat) -> None:
    started = time.thread_time()
    plain_text(BOMBS[name], format)
    assert time.thread_time() - started < 4.0  # 60,000 characters and more: three times the longest request


@pytest.mark.parametrize("name", ["divs", "brackets", "stars", "entities", "lines"])
def test_documents_take_linear_time(name: str) -> None:
    def once(text: str) -> float:
        started = time.thread_time()
        plain_text(text, "markdown")
        return time.thread_time() - started

    def seconds(text: str) -> float:  # the quickest: a collection of garbage of all tests before may fall into one
        return min(once(text) for _ in range(3))

    text = BOMBS[name]
    assert seconds(text) < 8 * 3 * seconds(text[: len(text) // 8]) + 0.1
