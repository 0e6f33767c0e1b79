"""``vivace train vocoder`` and ``vivace eval vocoder`` refuse what they cannot use, in one line."""

from pathlib import Path

import pytest

from vivace.cli.main import exit_code


def test_an_unknown_key_is_a_setting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run.yaml").write_text("out: run\ndata: {foldr: x}\n", encoding="utf-8")
    assert exit_code(["train", "vocoder", str(tmp_path / "run.yaml")]) == 2
    assert capsys.readouterr().err == "error: unknown key 'data.foldr'; did you mean 'data.folder'?\n"


def test_files_that_are_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["train", "vocoder", str(tmp_path / "missing.yaml")]) == 2
    assert "cannot read the settings file" in capsys.readouterr().err
    (tmp_path / "run.yaml").write_text(f"out: {tmp_path / 'run'}\ndata: {{folder: {tmp_path / 'x'}}}\n")
    assert exit_code(["train", "vocoder", str(tmp_path / "run.yaml")]) == 2
    assert "name one with recordings" in capsys.readouterr().err
    assert exit_code(["eval", "vocoder", str(tmp_path / "x")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert exit_code(["eval", "vocoder", str(tmp_path), "--weights", str(tmp_path / "w.safetensors")]) == 3
    assert capsys.readouterr().err.count("\n") == 1
