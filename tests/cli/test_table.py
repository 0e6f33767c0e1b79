"""Tables on stdout."""

import pytest

from vivace.cli.table import print_table


def test_a_pipe_gets_whole_lines_without_padding_or_colours(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 300
    print_table(("a", "b"), [("[green]ok[/]", long), ("no", "短")])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [["a", "b"], ["ok", long], ["no", "短"]]
    assert all(line == line.rstrip() for line in lines)
