"""``vivace train vocoder`` and ``vivace eval vocoder`` refuse what they cannot use, in one line."""

import subprocess
import sys
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


def test_every_stage_has_help_without_torch() -> None:
    code = "import sys; from vivace.train.command_line import app; sys.stdout.write(' '.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "torch" not in loaded
    done = subprocess.run(
        [sys.executable, "-m", "vivace.train", "--help"], capture_output=True, text=True, check=True, timeout=60
    )
    for stage in ("corpus", "dvae", "codes", "voice", "vocos", "mels", "recognizer", "durations", "export"):
        assert f" {stage} " in done.stdout


def test_an_option_that_would_have_no_effect_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(tmp_path), str(tmp_path / "out"), "--vocoder", str(tmp_path / "v"), "--steps", "1"]
    assert exit_code(["train", "voice", *arguments]) != 0
    assert "add a recognizer" in capsys.readouterr().err
    assert exit_code(["train", "corpus", str(tmp_path / "c"), "--kind", "nonsense"]) != 0
    assert "--kind 'nonsense' is not known" in capsys.readouterr().err
