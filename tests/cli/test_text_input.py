"""The text comes from an argument, a file or stdin."""

import io
import sys
from pathlib import Path

import pytest

from vivace.cli.text_input import read_text
from vivace.errors import InputError


def test_an_argument_is_taken_as_it_is() -> None:
    assert read_text("Hi\n", None) == "Hi\n"


def test_a_file_without_its_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("\ufeff世界\n".encode())
    assert read_text(None, str(tmp_path / "a.txt")) == "世界\n"


def test_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("你好".encode())))
    assert read_text(None, "-") == "你好"


def test_none_or_both_is_an_error() -> None:
    with pytest.raises(InputError, match="no text; give"):
        read_text(None, None)
    with pytest.raises(InputError, match="twice"):
        read_text("a", "b")


def test_a_file_that_cannot_be_read_or_is_not_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.txt.*No such file"):
        read_text(None, str(tmp_path / "absent.txt"))
    (tmp_path / "gbk.txt").write_bytes("你好".encode("gbk"))
    with pytest.raises(InputError, match=r"is not UTF-8 text \(byte 0 is 0xc4\)"):
        read_text(None, str(tmp_path / "gbk.txt"))
