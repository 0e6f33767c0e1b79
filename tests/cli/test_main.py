"""One line and an exit code for every error; quick to start."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vivace import errors
from vivace.cli.main import INTERRUPTED, LISTENER_GONE, exit_code
from vivace.version import __version__

VIVACE = [sys.executable, "-c", "from vivace.cli.main import run; run()"]


def command_that_raises(exc: BaseException) -> Callable[..., object]:
    def command(**_: object) -> object:
        raise exc

    return command


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.TTSError, 1),
        (errors.EmptyTextError, 2),
        (errors.TextTooLongError, 2),
        (errors.UnsupportedLanguageError, 2),
        (errors.VoiceNotFoundError, 2),
        (errors.AudioDecodeError, 2),
        (errors.SettingsError, 2),
        (errors.WeightsNotFoundError, 3),
        (errors.ChecksumError, 3),
        (errors.WeightsMismatchError, 3),
        (errors.UnsafeFileError, 3),
        (errors.DeviceError, 4),
        (errors.EngineError, 5),
    ],
)
def test_an_error_is_one_line_and_its_exit_code(
    kind: type[errors.TTSError], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(["say"], command_that_raises(kind("what it is,\nwhich value"))) == code
    assert capsys.readouterr() == ("", "error: what it is, which value\n")


def test_a_surprise_is_short_unless_the_traceback_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["say"], command_that_raises(KeyError("x"))) == 1
    assert capsys.readouterr().err == "error: KeyError: 'x'; `vivace --debug …` shows where\n"
    assert exit_code(["--debug", "say"], command_that_raises(KeyError("x"))) == 1
    assert "Traceback" in capsys.readouterr().err


def test_an_interruption_and_a_closed_pipe_say_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["say"], command_that_raises(KeyboardInterrupt())) == INTERRUPTED
    assert capsys.readouterr() == ("", "")


def test_a_reader_who_leaves_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("one\n" * 20_000, encoding="utf-8")
    with (
        (tmp_path / "lines.txt").open("rb") as lines,
        subprocess.Popen(
            [*VIVACE, "text", "normalize"], stdin=lines, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"one\n"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == LISTENER_GONE


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sya"], "No such command 'sya'. Did you mean 'say'? (see `vivace --help`)"),
        (["say", "x", "--sede", "1"], "No such option: --sede"),
        (["say", "x", "--seed", "one"], "'--seed'"),
        (["say", "x", "--language", "fr"], "'fr' is not one of 'zh', 'en', 'auto'"),
        (["voices"], "Missing command (see `vivace voices --help`)"),
        (["voices", "show"], "Missing argument 'NAME'"),
    ],
)
def test_a_wrong_command_line_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in printed.err
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["--help"], ["say", "--help"], ["voices", "--help"], ["models", "-h"]])
def test_help_is_a_result(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(arguments) == 0
    assert capsys.readouterr().out.startswith("Usage: vivace")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["--version"]) == 0
    assert capsys.readouterr().out == f"vivace {__version__}\n"


def processor_seconds(*command: str) -> float:
    """Of a process from start to end; unlike the clock, the same on a busy machine."""
    before = os.times()
    subprocess.run(command, check=True, capture_output=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def test_help_and_import_are_quick() -> None:
    assert min(processor_seconds(*VIVACE, "--help") for _ in range(3)) < 0.5
    assert min(processor_seconds(sys.executable, "-c", "import vivace") for _ in range(3)) < 0.3


@pytest.mark.parametrize("command", [["--help"], ["--version"], ["say", "--help"], ["text", "phones", "Hello, 世界."]])
def test_torch_is_not_loaded_for_help_version_and_text(command: list[str]) -> None:
    code = (
        "import sys; from vivace.cli.main import exit_code; code = exit_code(sys.argv[1:]); "
        "assert 'torch' not in sys.modules; sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_arguments_are_utf8_in_an_ascii_locale() -> None:
    locale = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    command = [*VIVACE, "text", "normalize", "气温-5℃，café"]
    done = subprocess.run(command, capture_output=True, env={**os.environ, **locale}, check=True)
    assert done.stdout.decode().strip() == "气温负五摄氏度，café"
