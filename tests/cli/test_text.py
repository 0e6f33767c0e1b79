"""``vivace text``: one line in, one line out, whatever the line holds."""

import io
import json
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vivace.cli.main import exit_code


def through_stdin(monkeypatch: pytest.MonkeyPatch, content: bytes, *arguments: str) -> int:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    return exit_code(["text", *arguments])


def test_arguments_give_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["text", "normalize", "It costs $5.", "气温5℃。"]) == 0
    assert capsys.readouterr().out.splitlines() == ["It costs five dollars.", "气温五摄氏度。"]


def test_phones(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["text", "phones", "Hello, 世界."]) == 0
    assert capsys.readouterr().out == "HH AH0 L OW1 , shi4 jie4 .\n"


def test_lines_of_stdin_keep_their_order_and_their_number(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = "\ufeffone 1\r\n\n  \n🙂\n二 2\nx\x0cy\u2028z".encode()
    assert through_stdin(monkeypatch, content, "normalize") == 0
    printed = capsys.readouterr()
    lines = printed.out.split("\n")
    assert lines[0] == "one one"
    assert lines[1:4] == ["", "", ""]
    assert len(lines) == 7
    assert printed.err == ""


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n")), max_size=4))
@pytest.mark.parametrize("command", ["normalize", "phones"])
def test_every_line_comes_back_as_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, lines: list[str]
) -> None:
    content = "".join(line + "\n" for line in lines).encode()
    assert through_stdin(monkeypatch, content, command) == 0
    assert capsys.readouterr().out.count("\n") == len(lines)


def test_a_line_that_is_not_utf_8_is_reported_and_keeps_its_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert through_stdin(monkeypatch, b"one\n\xc4\xe3\ntwo\n", "normalize") == 2
    printed = capsys.readouterr()
    assert printed.out == "one\n\ntwo\n"
    assert printed.err == "error: line 2 is not UTF-8, an empty line stands for it; save the text as UTF-8\n"


@pytest.mark.parametrize("command", ["normalize", "phones"])
def test_json_gives_spans_in_the_written_text(capsys: pytest.CaptureFixture[str], command: str) -> None:
    written = "气温21.5度, ok"
    assert exit_code(["text", command, "--json", written, ""]) == 0
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first["text"] == written
    assert "二十一点五" in first["spoken"]
    assert [written[w["start"] : w["end"]] for w in first["words"] if w["kind"] == "en"] == ["ok"]
    assert second == {"text": "", "spoken": "", "words": []}


def test_the_language_changes_how_a_number_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["text", "normalize", "-l", "zh", "12"]) == 0
    assert exit_code(["text", "normalize", "-l", "en", "12"]) == 0
    assert capsys.readouterr().out == "十二\ntwelve\n"
