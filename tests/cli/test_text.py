"""``vivace text``: one line in, one line out, whatever the line holds."""

import io
import json
import sys
from pathlib import Path

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


def test_readings_of_ones_own(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "readings.tsv"
    file.write_text("nginx\tengine x\n银行\tyin2 hang4\n", encoding="utf-8")
    assert exit_code(["text", "normalize", "--lexicon", str(file), "Nginx 3"]) == 0
    assert exit_code(["text", "phones", "--lexicon", str(file), "银行"]) == 0
    assert exit_code(["text", "phones", "--lexicon", str(file), "--json", "银行"]) == 0
    normalized, phones, as_json = capsys.readouterr().out.splitlines()
    assert (normalized, phones) == ("engine x three", "yin2 hang4")
    assert json.loads(as_json)["words"][0]["phones"] == ["yin2", "hang4"]


def test_a_bad_lexicon_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "readings.tsv"
    file.write_text("nginx\n", encoding="utf-8")
    assert exit_code(["text", "phones", "--lexicon", str(file), "a"]) == 2
    assert "line 1: no tab" in capsys.readouterr().err


def test_no_dictionary_reads_every_word_by_the_model(capsys: pytest.CaptureFixture[str]) -> None:
    from vivace.text.en.oov import phones as modeled

    words = ["colonel", "NASA", "read", "café"]
    assert exit_code(["text", "phones", "--no-dictionary", *words]) == 0
    assert exit_code(["text", "phones", "colonel"]) == 0
    *lines, known = capsys.readouterr().out.splitlines()
    assert lines == [" ".join(modeled(w)) for w in ("colonel", "nasa", "read", "cafe")]
    assert known == "K ER1 N AH0 L"


def test_json_gives_the_span_of_every_word(capsys: pytest.CaptureFixture[str]) -> None:
    written = "[银行](yin2 hang2)有 $5.[pause 1s]"
    assert exit_code(["text", "phones", "--json", written]) == 0
    words = json.loads(capsys.readouterr().out)["words"]
    assert written[words[0]["start"] : words[0]["end"]] == "[银行](yin2 hang2)"
    assert words[-1]["text"] == written[words[-1]["start"] :] == "[pause 1s]"


@pytest.mark.parametrize("options", [["normalize"], ["phones"], ["phones", "--json"]])
def test_an_argument_that_is_not_utf_8_is_printed_all_the_same(
    capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    assert exit_code(["text", *options, "ok \udcff"]) == 0
    assert b"ok" in capsys.readouterr().out.encode() or options == ["phones"]


def test_explain_prints_a_row_for_every_span(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["text", "normalize", "--explain", "Pay **$5** мир"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Pay five dollars",
        '  "Pay"\tword\tPay\tP EY1',
        '  "**"\tdocument.markdown\t- markup',
        '  "$5"\tmoney.before\tfive dollars\tF AY1 V D AA1 L ER0 Z',
        '  "**"\tdocument.markdown\t- markup',
        '  " мир"\tunread\t- of a script that is not read',
    ]
    assert exit_code(["text", "normalize", "--explain", "--json", "五 5"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert [span["spoken"] for span in record["spans"]] == ["五", "五"]


def test_the_format_of_a_text_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["text", "normalize", "--text-format", "plain", "## A"]) == 0
    assert exit_code(["text", "phones", "--text-format", "markdown", "## Two"]) == 0
    assert capsys.readouterr().out.splitlines() == ["hash hash A", "T UW1"]
