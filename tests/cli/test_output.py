"""Tables are aligned, the progress bar is drawn on a terminal only."""

import io
import sys

import pytest

from vivace.cli.output import print_table, progress_bar
from vivace.types import Progress


def test_a_pipe_gets_whole_lines_without_padding_or_colors(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 300
    print_table(("a", "b"), [("[green]ok[/]", long), ("no", "短")])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [["a", "b"], ["ok", long], ["no", "短"]]
    assert all(line == line.rstrip() for line in lines)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_no_bar_when_stderr_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("speaking") as draw:
        assert draw is None
    assert capsys.readouterr() == ("", "")


def test_a_bar_on_a_terminal_goes_to_stderr_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bar("speaking") as draw:
        assert draw is not None
        draw(Progress(1, 3, "pieces"))
        draw(Progress(3, 3, "pieces"))
    assert "3/3 pieces" in terminal.getvalue()
    assert capsys.readouterr().out == ""
